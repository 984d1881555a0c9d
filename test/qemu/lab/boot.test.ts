import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer, connect, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { bootLab, prepareLab } from '#scripts/lab/boot.js';
import { repositoryRoot } from '#scripts/repository.js';

const main = join(repositoryRoot(), 'scripts/dist/lab/main.js');

/** `lab run` with a temporary folder of its own, so that what it leaves there is seen. */
class LabRun {
  readonly temporary = mkdtempSync(join(tmpdir(), 'precopy-boot-test-'));
  readonly child: ChildProcess;
  readonly #stdout: Buffer[] = [];
  #stderr = '';

  constructor(...argv: string[]) {
    this.child = spawn(process.execPath, [main, 'run', ...argv], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, TMPDIR: this.temporary },
    });
    this.child.stdout?.on('data', (chunk: Buffer) => this.#stdout.push(chunk));
    this.child.stderr?.on('data', (chunk: Buffer) => (this.#stderr += chunk.toString()));
  }

  async ended(): Promise<{ code: number | null; stdout: Buffer; stderr: string }> {
    if (this.child.exitCode === null && this.child.signalCode === null) {
      await once(this.child, 'close');
    }
    const result = {
      code: this.child.exitCode,
      stdout: Buffer.concat(this.#stdout),
      stderr: this.#stderr,
    };
    assert.deepEqual(readdirSync(this.temporary), [], 'temporary files are left');
    rmSync(this.temporary, { recursive: true });
    return result;
  }

  async says(text: string): Promise<void> {
    while (!Buffer.concat(this.#stdout).toString().includes(text)) {
      assert.equal(this.child.exitCode, null, this.#stderr);
      await sleep(20);
    }
  }

  /** Process id of the VM, which is the only process that `lab run` starts for long. */
  qemu(): number | undefined {
    for (const name of readdirSync('/proc')) {
      if (!/^\d+$/.test(name)) continue;
      try {
        const parent = /^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${name}/status`, 'utf8'))?.[1];
        if (Number(parent) === this.child.pid) return Number(name);
      } catch {
        // It has just ended.
      }
    }
    return undefined;
  }

  async qemuStarted(): Promise<number> {
    for (;;) {
      const pid = this.qemu();
      if (pid !== undefined && readFileSync(`/proc/${pid}/comm`, 'utf8').startsWith('qemu')) {
        return pid;
      }
      assert.equal(this.child.exitCode, null, this.#stderr);
      await sleep(20);
    }
  }
}

/** Waits for a process to be gone; it is not our child. */
async function gone(pid: number): Promise<void> {
  const alive = (): boolean => {
    if (!existsSync(`/proc/${pid}`)) return false;
    // A process that nobody has waited for yet is dead all the same.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  };
  while (alive()) await sleep(20);
}

describe('lab run', function () {
  this.timeout(120_000);

  before('the image is built', async function () {
    this.timeout(900_000);
    await prepareLab({
      report: (line) => {
        console.log(`    ${line}`);
      },
    });
  });

  it("ends with the command's exit code, its stdout and stderr apart and nothing else in them", async () => {
    const script = 'echo out; echo err >&2; exit 42';
    const { code, stdout, stderr } = await new LabRun('--', 'sh', '-c', script).ended();
    assert.equal(code, 42);
    assert.equal(stdout.toString(), 'out\n');
    assert.equal(stderr, 'err\n');
  });

  it('carries bytes as they are, more than any buffer holds', async () => {
    // Every byte value, 8 MiB of them.
    const script = `const line = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
      const all = Buffer.alloc(8 * 2 ** 20, line);
      for (let done = 0; done < all.length; ) done += require('node:fs').writeSync(1, all, done);`;
    const { code, stdout } = await new LabRun('--', 'node', '-e', script).ended();
    assert.equal(code, 0);
    assert.equal(stdout.length, 8 * 2 ** 20);
    assert.ok(stdout.every((byte, index) => byte === index % 256));
  });

  it('passes arguments, variables and files, and the clone is where it is on the host', async () => {
    const out = mkdtempSync(join(tmpdir(), 'precopy-out-'));
    const script = 'printf "%s|" "$PWD" "$VARIABLE" "$@"; echo written >/out/file; kill -9 $$';
    const run = new LabRun(
      ...['--out', out, '--env', "VARIABLE=a 'b' $c"],
      ...['--', 'sh', '-c', script, 'sh', '', 'two words', '*'],
    );
    const { code, stdout } = await run.ended();
    assert.equal(code, 137, 'as a shell tells the end by signal 9');
    assert.equal(stdout.toString(), `${repositoryRoot()}|a 'b' $c||two words|*|`);
    assert.equal(readFileSync(join(out, 'file'), 'utf8'), 'written\n');
    rmSync(out, { recursive: true });
  });

  it('says 127 for a command that is not there', async () => {
    const { code, stderr } = await new LabRun('--', 'no-such-command').ended();
    assert.equal(code, 127);
    assert.match(stderr, /no-such-command/);
  });

  it('ends with its command, though a process of it goes on', async () => {
    const script = 'sleep 1000 & echo done';
    const { code, stdout } = await new LabRun('--', 'sh', '-c', script).ended();
    assert.equal(code, 0);
    assert.equal(stdout.toString(), 'done\n');
  });

  it('ends after the time limit with code 124, names the console log, and leaves nothing', async () => {
    const run = new LabRun('--timeout', '4', '--', 'sleep', '1000');
    const qemu = await run.qemuStarted();
    const { code, stderr } = await run.ended();
    assert.equal(code, 124);
    const log = /console log: (\S+)/.exec(stderr)?.[1] ?? '';
    assert.ok(existsSync(log), log);
    await gone(qemu);
  });

  for (const [signal, expected] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGKILL', null],
  ] as const) {
    it(`leaves no process and no file when it gets ${signal}`, async () => {
      const run = new LabRun('--', 'sh', '-c', 'echo started; sleep 1000');
      await run.says('started');
      const qemu = await run.qemuStarted();
      run.child.kill(signal);
      const { code } = await run.ended();
      assert.equal(code, expected);
      await gone(qemu);
    });
  }

  it("leads a port of the host's loopback address into the VM", async () => {
    const probe = createServer().listen(0, '127.0.0.1');
    await once(probe, 'listening');
    const { port } = probe.address() as AddressInfo;
    probe.close();
    await once(probe, 'close');
    const server = `require('node:net')
      .createServer((socket) => socket.end('hello from L1', () => process.exit(0)))
      .listen(80, () => console.log('listening'));`;
    const run = new LabRun('--forward', `${port}:80`, '--', 'node', '-e', server);
    await run.says('listening');
    const socket = connect(port, '127.0.0.1').setEncoding('utf8');
    let heard = '';
    socket.on('data', (text: string) => (heard += text));
    await once(socket, 'close');
    assert.equal(heard, 'hello from L1');
    assert.equal((await run.ended()).code, 0);
  });

  it('tells what the VM said when the VM dies', async () => {
    const crash = 'echo c >/proc/sysrq-trigger; sleep 100';
    const { code, stderr } = await new LabRun('--', 'sh', '-c', crash).ended();
    assert.equal(code, 125);
    assert.match(stderr, /L1 ended before the command did/);
    assert.match(stderr, /Kernel panic/);
    assert.match(stderr, /console log: \//);
  });

  it('refuses wrong usage with code 2 and the next step', async () => {
    const { code, stderr } = await new LabRun('--suite', 'buster', '--', 'ls').ended();
    assert.equal(code, 2);
    assert.match(stderr, /No such suite: buster/);
    assert.match(stderr, /precopy lab help/);
  });
});

describe('bootLab', function () {
  this.timeout(120_000);

  it('ends the VM when its signal fires, with the reason that was given', async () => {
    const controller = new AbortController();
    const lab = await bootLab({ command: ['sleep', '1000'], signal: controller.signal });
    lab.stdout.resume();
    lab.stderr.resume();
    await lab.started;
    controller.abort(new Error('seen enough'));
    await assert.rejects(lab.exitCode, /seen enough/);
  });

  it('ends the VM when the block that owns it is left', async () => {
    let exitCode: Promise<number> | undefined;
    {
      await using lab = await bootLab({ command: ['sleep', '1000'] });
      lab.stdout.resume();
      lab.stderr.resume();
      ({ exitCode } = lab);
      await lab.started;
    }
    await assert.rejects(exitCode, { code: 'LAB_ABORTED' });
  });

  it('shows the output of make when an extra does not build', async () => {
    const sources = mkdtempSync(join(tmpdir(), 'precopy-extra-'));
    try {
      await assert.rejects(
        bootLab({
          command: ['true'],
          extras: [{ name: 'broken', sources, product: 'broken.ko' }],
        }),
        { code: 'LAB_BUILD', message: /No targets specified and no makefile found/ },
      );
    } finally {
      rmSync(sources, { recursive: true });
    }
  });
});
