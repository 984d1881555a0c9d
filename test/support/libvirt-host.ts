/**
 * A libvirtd that believes to be alone on its host: in mount and network namespaces of its own, with its
 * own /etc, /run, /var of libvirt and precopy. Two of them are two hosts, between which domains migrate.
 */
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { randomUUID } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { buildWorkloadSector } from '#scripts/lab/build-workload.js';
import { LAB_SECTOR, workloadImage, type WorkloadParameters } from '#scripts/lab/workload.js';

const run = promisify(execFile);

/** What is this host's own, and where the rest of the machine has it. */
const ownFolders = [
  '/etc/libvirt',
  '/etc/precopy',
  '/run/libvirt',
  '/run/precopy',
  '/var/lib/libvirt',
  '/var/log/libvirt',
  '/var/log/precopy',
  '/var/cache/libvirt',
];

/** Why libvirt tests can't run here; undefined if they can. */
function libvirtIsMissing(): string | undefined {
  if (process.getuid?.() !== 0) return 'they need root, for namespaces and a system libvirtd';
  const builders = existsSync(LAB_SECTOR) ? [] : ['make', 'as', 'objcopy'];
  const missing = ['libvirtd', 'virsh', 'unshare', ...builders].filter((name) => !isInPath(name));
  if (missing.length === 0) return undefined;
  return `${missing.join(', ')} not installed (Debian: libvirt-daemon-system, libvirt-clients, make, binutils)`;
}

/** Skips the tests of a `describe` where libvirt can't be had, and says why. */
export function needsLibvirt(): void {
  before(function () {
    const missing = libvirtIsMissing();
    if (missing === undefined) return;
    console.log(`      skipped: ${missing}`);
    this.skip();
  });
}

function isInPath(name: string): boolean {
  return `${process.env['PATH'] ?? ''}:/usr/sbin`
    .split(':')
    .some((folder) => existsSync(join(folder, name)));
}

export interface DomainOptions {
  readonly name: string;
  readonly memoryMiB?: number;
  /** What its CPU dirties; without it the guest idles in its firmware. */
  readonly workload?: WorkloadParameters;
  /** XML for `<metadata>`. */
  readonly metadata?: string;
  /** UUID of a mediated device that it has, tracked by the type1 container, and able to migrate. */
  readonly mediatedDevice?: string;
  /** Its RAM is a file of QEMU's that another process can keep open beyond QEMU's end. */
  readonly sharedRam?: true;
  /** Arguments for QEMU, through `<qemu:commandline>`. */
  readonly qemuArgs?: readonly string[];
}

export interface Domain {
  readonly name: string;
  readonly uuid: string;
}

function vfioXml({ mediatedDevice, sharedRam }: DomainOptions): {
  memoryBacking: string;
  hostDevice: string;
  override: string;
} {
  return {
    memoryBacking: sharedRam
      ? `<memoryBacking><source type='memfd'/><access mode='shared'/></memoryBacking>`
      : '',
    ...(mediatedDevice === undefined
      ? { hostDevice: '', override: '' }
      : {
          hostDevice: `<hostdev mode='subsystem' type='mdev' model='vfio-pci'>
            <source><address uuid='${mediatedDevice}'/></source><alias name='ua-vfio'/></hostdev>`,
          // Without it QEMU takes a device that does not log its writes for one that can't migrate.
          override: `<qemu:override><qemu:device alias='ua-vfio'><qemu:frontend>
            <qemu:property name='enable-migration' type='string' value='on'/>
            </qemu:frontend></qemu:device></qemu:override>`,
        }),
  };
}

const userFiles = ['passwd', 'group'] as const;

/** Writes this machine's users and groups, and the user that libvirtd looks for, into a host's folder. */
function addUser(root: string): void {
  const line = {
    passwd: 'libvirt-qemu:x:64055:64055::/:/usr/sbin/nologin',
    group: 'libvirt-qemu:x:64055:',
  };
  for (const name of userFiles) {
    writeFileSync(join(root, name), `${readFileSync(`/etc/${name}`, 'utf8')}${line[name]}\n`);
  }
}

export class LibvirtHost implements AsyncDisposable {
  /** Stands for `/` of this host, as far as `ownFolders` goes. */
  readonly root: string;
  /** libvirt's connection URI, usable from anywhere on the machine. */
  readonly uri: string;
  #daemon: ChildProcess | undefined;

  private constructor(root: string) {
    this.root = root;
    this.uri = `qemu+unix:///system?socket=${join(root, 'run/libvirt/libvirt-sock')}`;
  }

  /** @param like a host whose knowledge of this machine's QEMU spares probing it again */
  static async start(options: { config?: string; like?: LibvirtHost } = {}): Promise<LibvirtHost> {
    const root = mkdtempSync(join(tmpdir(), 'precopy-host-'));
    // QEMU runs as another user.
    chmodSync(root, 0o755);
    const host = new LibvirtHost(root);
    for (const folder of ownFolders) mkdirSync(join(root, folder), { recursive: true });
    if (options.like) {
      const cache = join(options.like.root, 'var/cache/libvirt');
      cpSync(cache, join(root, 'var/cache/libvirt'), { recursive: true, preserveTimestamps: true });
    }
    const etc = join(root, 'etc/libvirt');
    writeFileSync(
      join(etc, 'libvirtd.conf'),
      `host_uuid = "${randomUUID()}"\nauth_unix_rw = "none"\nauth_unix_ro = "none"\n`,
    );
    // Debian's package libvirt-daemon-system makes the user that QEMU usually runs as. Without it libvirtd
    // does not start, whatever it is configured to use instead.
    const hasUser = await run('id', ['libvirt-qemu']).then(
      () => true,
      () => false,
    );
    if (!hasUser) addUser(root);
    const user = hasUser ? [] : ['user = "root"', 'group = "root"'];
    writeFileSync(
      join(etc, 'qemu.conf'),
      ['stdio_handler = "file"', 'security_driver = "none"', 'namespaces = []', ...user, ''].join(
        '\n',
      ),
    );
    writeFileSync(join(root, 'etc/precopy/config.yaml'), options.config ?? '');
    await host.startDaemon();
    return host;
  }

  /** Where the source's hosts find this one's incoming channels. */
  channel(name: string): string {
    const folder = join(this.root, 'channels');
    if (!existsSync(folder)) {
      mkdirSync(folder);
      chmodSync(folder, 0o777);
    }
    return `unix://${join(folder, name)}`;
  }

  async startDaemon(): Promise<void> {
    const binds = ownFolders.map(
      (path) => `mkdir -p ${path}; mount --bind ${this.root}${path} ${path}`,
    );
    // Where QEMU can't use a /dev/kvm that libvirt may open, libvirt probes QEMU anew for every domain.
    const noKvm = join(this.root, 'no-kvm');
    writeFileSync(noKvm, '', { mode: 0o600 });
    const hideKvm = `[ ! -e /dev/kvm ] || mount --bind ${noKvm} /dev/kvm`;
    const script = [
      'mount --make-rprivate /',
      ...binds,
      hideKvm,
      ...userFiles.map((name) => {
        const own = join(this.root, name);
        return `[ ! -e ${own} ] || mount --bind ${own} /etc/${name}`;
      }),
      'exec libvirtd --pid-file /run/libvirt/libvirtd.pid',
    ].join('\n');
    const log = join(this.root, 'libvirtd.log');
    const daemon = spawn(
      'unshare',
      ['-m', '-n', 'sh', '-e', '-c', `exec >>${log} 2>&1\n${script}`],
      // Hooks get little of libvirtd's environment; where history is kept follows from this.
      { stdio: 'ignore', env: { ...process.env, HOME: this.root } },
    );
    this.#daemon = daemon;
    // Its socket is there before it answers.
    for (let attempt = 0; attempt < 200; attempt++) {
      if (daemon.exitCode !== null) break;
      try {
        await this.virsh('list');
        return;
      } catch {
        await sleep(100);
      }
    }
    throw new Error(`libvirtd does not start: ${readFileSync(log, 'utf8')}`);
  }

  async stopDaemon(): Promise<void> {
    const daemon = this.#daemon;
    this.#daemon = undefined;
    if (daemon === undefined || daemon.exitCode !== null || daemon.signalCode !== null) return;
    const exit = once(daemon, 'exit');
    daemon.kill();
    await exit;
  }

  async virsh(...args: readonly string[]): Promise<string> {
    return (await run('virsh', ['-q', '-c', this.uri, ...args])).stdout;
  }

  async create(options: DomainOptions): Promise<Domain> {
    const { name, memoryMiB = 64, metadata = '', qemuArgs = [] } = options;
    const uuid = randomUUID();
    const image = join(this.root, `${uuid}.img`);
    if (options.workload)
      writeFileSync(image, workloadImage(options.workload, buildWorkloadSector()));
    const file = join(this.root, `${uuid}.xml`);
    const floppy = options.workload
      ? `<disk type='file' device='floppy'><driver name='qemu' type='raw'/><source file='${image}'/><target dev='fda'/><readonly/></disk>`
      : '';
    const { memoryBacking, hostDevice, override } = vfioXml(options);
    writeFileSync(
      file,
      `<domain type='qemu' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>
        <name>${name}</name><uuid>${uuid}</uuid><metadata>${metadata}</metadata>
        <memory unit='MiB'>${memoryMiB}</memory>${memoryBacking}<vcpu>1</vcpu>
        <os><type arch='x86_64' machine='pc'>hvm</type><boot dev='fd'/></os>
        <features><acpi/></features>
        <devices><emulator>/usr/bin/qemu-system-x86_64</emulator>${floppy}${hostDevice}</devices>
        <qemu:commandline>${qemuArgs.map((value) => `<qemu:arg value='${value}'/>`).join('')}</qemu:commandline>
        ${override}
      </domain>`,
    );
    await this.virsh('create', file);
    if (options.workload) await this.#workloadHasWritten(uuid, options.workload.pages);
    return { name, uuid };
  }

  /** Its time is ACPI's, so it needs <acpi/>. Its state page begins with "progress", and the number of writes follows (scripts/lab/workload.ts). */
  async #workloadHasWritten(uuid: string, pages: number): Promise<void> {
    const signal = AbortSignal.timeout(60_000);
    for (;;) {
      const page = await this.virsh('qemu-monitor-command', uuid, '--hmp', 'xp /3xw 0x8000');
      const [magic, , writes] = page.match(/0x[0-9a-f]{8}(?!:)/g) ?? [];
      if (magic === '0x676f7270' && Number(writes) > pages) return;
      signal.throwIfAborted();
      await sleep(200);
    }
  }

  async names(): Promise<string[]> {
    return (await this.virsh('list', '--name')).split('\n').filter((name) => name !== '');
  }

  pidOf({ name }: Domain): number {
    return Number(readFileSync(join(this.root, 'run/libvirt/qemu', `${name}.pid`), 'utf8'));
  }

  /** What the controllers of this host have logged, that of one domain. */
  logOf({ uuid }: Domain): string {
    const file = join(this.root, 'var/log/precopy', `attach-${uuid}.log`);
    return existsSync(file) ? readFileSync(file, 'utf8') : '';
  }

  /** Calls the installed hook as libvirtd does, in its namespaces. */
  async callHook({ uuid, name }: Domain, operation: string): Promise<void> {
    const file = join(this.root, `${uuid}-now.xml`);
    writeFileSync(file, await this.virsh('dumpxml', uuid));
    const call = `exec /etc/libvirt/hooks/qemu.d/precopy "$1" ${operation} begin - <"$2"`;
    await run('nsenter', [
      ...['--target', String(this.#daemon?.pid), '--mount', '--net', '--'],
      ...['env', `HOME=${this.root}`, 'sh', '-c', call, 'sh', name, file],
    ]);
  }

  hookLog(): string {
    const file = join(this.root, 'var/log/precopy/hook.log');
    return existsSync(file) ? readFileSync(file, 'utf8') : '';
  }

  /** The journals of a domain's migrations, as records. */
  journalsOf({ uuid }: Domain): Record<string, unknown>[][] {
    const folder = join(this.root, 'var/log/precopy');
    return readdirSync(folder)
      .filter((name) => name.startsWith(`migration-${uuid}`))
      .sort()
      .map((name) =>
        readFileSync(join(folder, name), 'utf8')
          .trimEnd()
          .split('\n')
          .map((line) => JSON.parse(line) as Record<string, unknown>),
      );
  }

  /** The pid of the controller that is attached to a domain. */
  controllerOf({ uuid }: Domain): number | undefined {
    const file = join(this.root, 'run/precopy', `attach-${uuid}.pid`);
    if (!existsSync(file)) return undefined;
    return (JSON.parse(readFileSync(file, 'utf8')) as { pid: number }).pid;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const name of await this.names().catch(() => [])) {
      await this.virsh('destroy', name).catch(() => undefined);
    }
    await this.stopDaemon();
    const folder = join(this.root, 'run/precopy');
    for (const name of readdirSync(folder).filter((file) => file.endsWith('.pid'))) {
      const { pid } = JSON.parse(readFileSync(join(folder, name), 'utf8')) as { pid: number };
      try {
        process.kill(pid);
      } catch {
        // ended by itself
      }
    }
    rmSync(this.root, { recursive: true, force: true });
  }
}
