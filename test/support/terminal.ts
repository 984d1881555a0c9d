/** A pseudo-terminal for a command, without a native module: ptmx(4) through LibcKernel's ioctl. */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { closeSync, constants, createReadStream, existsSync, mkdirSync, openSync } from 'node:fs';
import { once } from 'node:events';
import { LibcKernel } from 'linux-vfio-ts';

/** asm-generic/ioctls.h, as on x86-64. */
const ioctls = {
  TIOCSPTLCK: 0x40045431,
  TIOCGPTN: 0x80045430,
  TIOCSWINSZ: 0x5414,
} as const;

/** A command whose stdout and stderr are a terminal. */
export interface OnTerminal {
  readonly process: ChildProcess;
  /** What it wrote so far. */
  output(): string;
  /** Resolves with all that it wrote when it has ended. */
  readonly finished: Promise<string>;
}

export function spawnOnTerminal(
  command: string,
  args: readonly string[],
  size: { columns: number; rows: number },
): OnTerminal {
  // The lab's init mounts none.
  if (!existsSync('/dev/pts/ptmx')) {
    mkdirSync('/dev/pts', { recursive: true });
    execFileSync('mount', ['-t', 'devpts', 'devpts', '/dev/pts']);
  }
  const { O_RDWR, O_NOCTTY } = constants;
  const master = openSync('/dev/ptmx', O_RDWR | O_NOCTTY);
  const kernel = new LibcKernel();
  const call = (name: keyof typeof ioctls, argument: Buffer): void => {
    kernel.ioctl(master, { name, request: ioctls[name], argument });
  };
  call('TIOCSPTLCK', Buffer.alloc(4));
  const number = Buffer.alloc(4);
  call('TIOCGPTN', number);
  const window = Buffer.alloc(8);
  window.writeUInt16LE(size.rows, 0);
  window.writeUInt16LE(size.columns, 2);
  call('TIOCSWINSZ', window);
  const slave = openSync(`/dev/pts/${number.readInt32LE()}`, O_RDWR | O_NOCTTY);
  const child = spawn(command, args, { stdio: ['ignore', slave, slave] });
  closeSync(slave);
  let text = '';
  const stream = createReadStream('', { fd: master, encoding: 'utf8' });
  stream.on('data', (data) => (text += data.toString()));
  // The master's end of file, once nobody has the terminal open, is EIO.
  stream.on('error', () => undefined);
  const closed = new Promise<void>((resolve) => {
    stream.once('close', resolve);
  });
  const finished = Promise.all([once(child, 'exit'), closed]).then(() => text);
  return { process: child, output: () => text, finished };
}
