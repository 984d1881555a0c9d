/** The hook and the unit file under a real systemd, which is process 1 of a namespace inside the lab. */
import assert from 'node:assert/strict';
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { repositoryRoot } from '#scripts/repository.js';
import { until } from '../support/attached.js';
import { domainXml } from '../support/domain-xml.js';

const uuid = '6d53ba52-5c26-4a43-8ae2-3b5f4a8ff8b1';
const unit = `precopy-attach-${uuid}.service`;

/** No more than it takes to start services: L1 has no devices to wait for and nothing to mount. */
const startScript = `
mount --make-rprivate /
mount -t tmpfs run /run
mkdir -p /run/systemd/system
for target in sysinit lab; do
  printf '[Unit]\\nDescription=%s\\nDefaultDependencies=no\\n' $target >/run/systemd/system/$target.target
done
cp "$1" /run/systemd/system/
export container=lab
exec /lib/systemd/systemd --system --unit=lab.target --log-target=console --show-status=no`;

class Systemd implements AsyncDisposable {
  readonly #unshare: ChildProcess;
  readonly #pid: string;

  private constructor(unshare: ChildProcess, pid: string) {
    this.#unshare = unshare;
    this.#pid = pid;
  }

  static async start(): Promise<Systemd> {
    const unitFile = join(repositoryRoot(), 'plugin/share/precopy-attach@.service');
    const unshare = spawn(
      'unshare',
      [
        ...['--mount', '--pid', '--fork', '--kill-child', '--mount-proc'],
        ...['sh', '-e', '-c', startScript, 'sh', unitFile],
      ],
      { stdio: 'ignore' },
    );
    const pid = String(unshare.pid);
    let init = '';
    await until('systemd is started', () => {
      init = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
      return init !== '' && readFileSync(`/proc/${init}/comm`, 'utf8') === 'systemd\n';
    });
    const systemd = new Systemd(unshare, init);
    await until('systemd answers', async () => {
      const { stdout } = await systemd.run('systemctl', 'is-system-running');
      return /running|degraded/.test(stdout);
    });
    return systemd;
  }

  /** Where systemd is process 1. */
  async run(...argv: readonly string[]): Promise<{ status: number; stdout: string }> {
    const inside = ['--target', this.#pid, '--mount', '--pid', '--', ...argv];
    try {
      const { stdout } = await promisify(execFile)('nsenter', inside);
      return { status: 0, stdout };
    } catch (error) {
      const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
      return { status: code, stdout: stdout + stderr };
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const exit = once(this.#unshare, 'exit');
    this.#unshare.kill('SIGKILL');
    await exit;
  }
}

describe('precopy under systemd', function () {
  this.timeout(600_000);
  let systemd: Systemd;
  const folder = mkdtempSync(join(tmpdir(), 'precopy-systemd-'));
  before(async () => {
    assert.ok(existsSync('/lib/systemd/systemd'), 'run this with `precopy lab run --with libvirt`');
    systemd = await Systemd.start();
    writeFileSync(join(folder, 'domain.xml'), domainXml({ uuid }));
  });
  after(async () => {
    await (systemd as Systemd | undefined)?.[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true });
  });

  const property = async (name: string): Promise<string> =>
    (await systemd.run('systemctl', 'show', '--value', `--property=${name}`, unit)).stdout.trim();
  const hook = async (operation: string): Promise<void> => {
    const main = join(repositoryRoot(), 'plugin/dist/hook/main.js');
    const call = `exec "$0" "$1" guest ${operation} - <"$2"`;
    const { status, stdout } = await systemd.run(
      ...['sh', '-c', call, process.execPath, main, join(folder, 'domain.xml')],
    );
    assert.equal(status, 0, stdout);
  };

  it('has the hook launch a controller as a transient unit, once, and end it at release', async () => {
    await hook('started begin');
    await until('the unit runs', async () => (await property('ActiveState')) === 'active');
    const pid = await property('MainPID');
    assert.match(await property('ExecStart'), new RegExp(`attach --domain ${uuid}`));
    assert.equal(await property('Nice'), '5');
    assert.equal(await property('ControlGroup'), `/system.slice/${unit}`);
    const pidFile = `/run/precopy/attach-${uuid}.pid`;
    await until('it is attached', async () => {
      return (await systemd.run('test', '-e', pidFile)).status === 0;
    });
    // libvirtd was restarted: there is one controller already.
    await hook('reconnect begin');
    assert.match(lastLine('/var/log/precopy/hook.log'), /is attached already/);
    assert.equal(await property('MainPID'), pid);
    await hook('release end');
    await until('it is ended', async () => (await property('ActiveState')) === 'inactive');
    assert.equal(await property('LoadState'), 'not-found', 'it was collected');
  });

  it('has a unit file that systemd takes without a complaint', async () => {
    const file = '/run/systemd/system/precopy-attach@.service';
    const { status, stdout } = await systemd.run('systemd-analyze', 'verify', file);
    assert.deepEqual({ status, stdout }, { status: 0, stdout: '' });
  });
});

function lastLine(file: string): string {
  return readFileSync(file, 'utf8').trimEnd().split('\n').at(-1) ?? '';
}
