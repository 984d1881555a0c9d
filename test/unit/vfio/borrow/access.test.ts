/** Refusals by this machine's kernel, and the facts that explain them. */
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { LibcKernel, type BorrowErrorCode } from 'linux-vfio-ts';
import { gatherAccessFacts } from '#vfio/borrow/facts.js';
import { attempt, works } from '../../../support/attempt.js';

interface RealRefusal {
  /** Completes "is explained where ...". */
  readonly name: string;
  /** What runs the process that borrows. */
  readonly prefix: readonly string[];
  readonly denyGetfd?: boolean;
  /** Runs the process that is borrowed from as another user. */
  readonly theirUid?: number;
  readonly code: BorrowErrorCode;
  readonly message: RegExp;
}

const NOBODY = 65534;

const refusals: readonly RealRefusal[] = [
  {
    name: 'a seccomp filter denies pidfd_getfd',
    prefix: [],
    denyGetfd: true,
    code: 'VFIO_BORROW_SECCOMP',
    message: /pidfd_getfd fails with EPERM even where .* seccomp profile/,
  },
  {
    name: 'we are root of a user namespace of our own',
    prefix: ['unshare', '--user', '--map-root-user'],
    code: 'VFIO_BORROW_USER_NAMESPACE',
    message: /another user namespace/,
  },
  {
    name: 'we are root without CAP_SYS_PTRACE, as in a container, and the process is not',
    prefix: ['setpriv', '--bounding-set=-sys_ptrace'],
    theirUid: NOBODY,
    code: 'VFIO_BORROW_OTHER_USER',
    message: /runs as uid 65534, we as uid 0 without CAP_SYS_PTRACE/,
  },
  {
    name: 'the process has capabilities that we lack',
    prefix: ['setpriv', '--bounding-set=-sys_ptrace'],
    code: 'VFIO_BORROW_NOT_DUMPABLE',
    message: /hold capabilities that we lack/,
  },
];

describe('a refusal of this kernel to lend a file', () => {
  let child: ChildProcess | undefined;
  afterEach(() => {
    child?.kill('SIGKILL');
  });

  /** A process that has /dev/null open as fd 0. */
  async function lender(uid: number | undefined): Promise<string> {
    child = spawn('sleep', ['60'], { stdio: 'ignore', ...(uid === undefined ? {} : { uid }) });
    await once(child, 'spawn');
    return String(child.pid);
  }

  for (const { name, prefix, denyGetfd = false, theirUid, code, message } of refusals) {
    it(`is explained where ${name}`, async function () {
      const otherUser = theirUid !== undefined && process.getuid?.() !== 0;
      if (otherUser || (prefix.length > 0 && !works(prefix))) {
        console.log(`    skipped: ${otherUser ? 'root only' : `${prefix.join(' ')} fails here`}`);
        this.skip();
      }
      const pid = await lender(theirUid);
      const args = [pid, '0', ...(denyGetfd ? ['deny-getfd'] : [])];
      const found = await attempt(prefix, 'borrow-attempt.js', args);
      assert.equal(found.code, code, found.message);
      assert.match(found.message, message);
    });
  }

  it('is none for a child of the same user, without all that', async function () {
    if (restrictedByYama()) {
      console.log("    skipped: Yama's ptrace_scope lets no sibling attach here");
      this.skip();
    }
    const found = await attempt([], 'borrow-attempt.js', [await lender(undefined), '0']);
    assert.equal(found.code, 'done', found.message);
  });

  it('is explained where the process has no pid in our pid namespace', async function () {
    const prefix = ['unshare', '--pid', '--fork', '--mount-proc'];
    if (!works(prefix)) {
      console.log(`    skipped: ${prefix.join(' ')} fails here`);
      this.skip();
    }
    const folder = mkdtempSync(join(tmpdir(), 'vfio-peer-'));
    const server = createServer().listen(join(folder, 'socket'));
    await once(server, 'listening');
    try {
      const found = await attempt(prefix, 'peer-attempt.js', [join(folder, 'socket')]);
      assert.equal(found.code, 'VFIO_BORROW_PID_NAMESPACE', found.message);
    } finally {
      server.close();
      rmSync(folder, { recursive: true });
    }
  });
});

function restrictedByYama(): boolean {
  try {
    return Number(readFileSync('/proc/sys/kernel/yama/ptrace_scope', 'utf8')) > 0;
  } catch {
    return false;
  }
}

describe('the facts about a refusal', () => {
  let proc = '';
  beforeEach(() => {
    proc = mkdtempSync(join(tmpdir(), 'vfio-facts-'));
  });
  afterEach(() => {
    rmSync(proc, { recursive: true });
  });

  function put(file: string, text: string): void {
    mkdirSync(dirname(join(proc, file)), { recursive: true });
    writeFileSync(join(proc, file), text);
  }

  it('are read from /proc', async () => {
    put('self/status', 'Name:\tnode\nCapEff:\t0000000000080000\nSeccomp:\t2\n');
    put('4711/comm', 'qemu-system-x86\n');
    put('sys/kernel/yama/ptrace_scope', '1\n');
    put('self/attr/apparmor/current', 'docker-default (enforce)\n');
    put('4711/attr/apparmor/current', 'libvirt-4dea22b3 (enforce)\n');
    const { kernelRelease, ...facts } = await gatherAccessFacts(new LibcKernel(), 4711, proc);
    assert.match(kernelRelease, /^\d+\./);
    const uid = process.geteuid?.();
    assert.deepEqual(facts, {
      pid: 4711,
      comm: 'qemu-system-x86',
      ourUid: uid,
      theirUid: uid,
      capSysPtrace: true,
      ptraceScope: 1,
      sameUserNamespace: undefined,
      seccompFilter: true,
      refusedToOurselves: undefined,
      ourAppArmorProfile: 'docker-default (enforce)',
      theirAppArmorProfile: 'libvirt-4dea22b3 (enforce)',
    });
  });

  it('are undefined where /proc says nothing', async () => {
    const facts = await gatherAccessFacts(new LibcKernel(), 4711, proc);
    for (const fact of [
      'comm',
      'theirUid',
      'capSysPtrace',
      'ptraceScope',
      'seccompFilter',
    ] as const) {
      assert.equal(facts[fact], undefined, fact);
    }
  });

  const profiles: readonly [text: string, confines: boolean][] = [
    ['docker-default (enforce)\n', true],
    ['docker-default (enforce)\0', true],
    ['chrome (unconfined)\n', false],
    ['unconfined\n', false],
    ['system_u:system_r:container_t:s0:c1,c2\0', false],
  ];
  it('name a profile that only complains, as it has the other one asked', async () => {
    put('self/attr/current', 'ours (complain)\n');
    const { ourAppArmorProfile } = await gatherAccessFacts(new LibcKernel(), 4711, proc);
    assert.equal(ourAppArmorProfile, 'ours (complain)');
  });

  for (const [text, confines] of profiles) {
    it(`${confines ? 'name' : 'do not name'} ${JSON.stringify(text)} as AppArmor's profile`, async () => {
      put('self/attr/current', text);
      const { ourAppArmorProfile } = await gatherAccessFacts(new LibcKernel(), 4711, proc);
      assert.equal(ourAppArmorProfile, confines ? 'docker-default (enforce)' : undefined);
    });
  }

  const whole = '         0          0 4294967295\n';
  const part = '         0     100000      65536\n';
  const namespaces: readonly {
    name: string;
    links: readonly [string, string | undefined];
    maps: readonly [string, string];
    same: boolean | undefined;
  }[] = [
    { name: 'the links tell', links: ['user:[1]', 'user:[1]'], maps: [whole, whole], same: true },
    {
      name: 'the links differ',
      links: ['user:[1]', 'user:[2]'],
      maps: [whole, whole],
      same: false,
    },
    {
      name: 'the uid maps differ',
      links: ['user:[1]', undefined],
      maps: [part, whole],
      same: false,
    },
    {
      name: 'the uid maps do not',
      links: ['user:[1]', undefined],
      maps: [part, part],
      same: undefined,
    },
  ];
  for (const { name, links, maps, same } of namespaces) {
    it(`say ${same === undefined ? 'nothing' : String(same)} of a common user namespace where ${name}`, async () => {
      (['self', '4711'] as const).forEach((who, index) => {
        put(`${who}/uid_map`, maps[index] ?? '');
        mkdirSync(join(proc, who, 'ns'));
        const link = links[index];
        if (link !== undefined) symlinkSync(link, join(proc, who, 'ns/user'));
      });
      const { sameUserNamespace } = await gatherAccessFacts(new LibcKernel(), 4711, proc);
      assert.equal(sameUserNamespace, same);
    });
  }
});
