import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { repositoryRoot } from '#scripts/repository.js';

/** A machine in a folder: the programs that setup finds there are these and no others. */
class Machine {
  readonly folder = mkdtempSync(join(tmpdir(), 'precopy-setup-'));
  readonly #programs = join(this.folder, 'bin');
  readonly #clone = join(this.folder, 'clone');

  constructor() {
    mkdirSync(this.#programs);
    mkdirSync(join(this.#clone, 'scripts'), { recursive: true });
    cpSync(join(repositoryRoot(), 'scripts/setup'), join(this.#clone, 'scripts/setup'));
    writeFileSync(join(this.#clone, 'package-lock.json'), '{"lockfileVersion": 3}');
    for (const name of ['bash', 'cmp', 'cp', 'dirname', 'env', 'mktemp', 'rm', 'tail', 'uname']) {
      const found = (process.env['PATH'] ?? '')
        .split(delimiter)
        .map((folder) => join(folder, name))
        .find((file) => existsSync(file));
      assert.ok(found, name);
      symlinkSync(found, join(this.#programs, name));
    }
    symlinkSync(process.execPath, join(this.#programs, 'node'));
    this.user('root').distribution('debian').program('npm', this.#fakeNpm());
  }

  /** Stands in for the registry: "installs" a compiler that does nothing. */
  #fakeNpm(): string {
    return `
      echo "npm $*" >>"${this.#log}"
      "${process.execPath}" -e '
        const fs = require("node:fs");
        fs.mkdirSync("node_modules/typescript/bin", { recursive: true });
        fs.writeFileSync("node_modules/typescript/bin/tsc", "");
      '`;
  }

  get #log(): string {
    return join(this.folder, 'calls');
  }

  program(name: string, script = ':'): this {
    const file = join(this.#programs, name);
    writeFileSync(file, `#!${join(this.#programs, 'bash')}\n${script}\n`);
    chmodSync(file, 0o755);
    return this;
  }

  user(name: 'root' | 'ordinary'): this {
    return this.program('id', `echo ${name === 'root' ? 0 : 1000}`);
  }

  distribution(id: string): this {
    writeFileSync(join(this.folder, 'os-release'), `NAME="Some Linux"\nID=${id}\n`);
    return this;
  }

  /** An apt-get that notes its calls; what it installs appears in PATH. */
  withApt(): this {
    return this.program('apt-get', `echo "apt-get $*" >>"${this.#log}"`);
  }

  withEverything(): this {
    return this.program('qemu-system-x86_64')
      .program('mmdebstrap')
      .program('setpriv')
      .program('make')
      .program('objcopy')
      .program('gcc')
      .program('libvirtd')
      .program('virsh');
  }

  setup(...args: string[]) {
    const { status, stdout, stderr } = spawnSync(
      join(this.#programs, 'bash'),
      [join(this.#clone, 'scripts/setup'), ...args],
      {
        encoding: 'utf8',
        env: {
          PATH: this.#programs,
          PRECOPY_OS_RELEASE: join(this.folder, 'os-release'),
          CI: 'true',
        },
      },
    );
    return { status, stdout, stderr };
  }

  get calls(): string[] {
    if (!existsSync(this.#log)) return [];
    return readFileSync(this.#log, 'utf8').trim().split('\n');
  }

  changeLockFile(): void {
    writeFileSync(join(this.#clone, 'package-lock.json'), '{"lockfileVersion": 3, "x": 1}');
  }
}

describe('scripts/setup', () => {
  let machine: Machine;
  beforeEach(() => {
    machine = new Machine();
  });
  afterEach(() => {
    rmSync(machine.folder, { recursive: true });
  });

  it('installs the npm packages once, and again when the lock file changes', () => {
    machine.withEverything();
    assert.equal(machine.setup().status, 0);
    const second = machine.setup('--quiet');
    assert.deepEqual(second, { status: 0, stdout: '', stderr: '' });
    assert.equal(machine.calls.length, 1);
    machine.changeLockFile();
    assert.equal(machine.setup().status, 0);
    assert.equal(machine.calls.length, 2);
  });

  it('tries again after an installation that failed', () => {
    machine.withEverything().program('npm', 'exit 1');
    assert.notEqual(machine.setup().status, 0);
    assert.notEqual(machine.setup().status, 0);
  });

  it('installs what is missing, and only that, as root', () => {
    machine.withEverything().withApt();
    rmSync(join(machine.folder, 'bin/mmdebstrap'));
    const { status, stderr } = machine.setup();
    assert.equal(status, 0, stderr);
    assert.match(stderr, /missing: mmdebstrap \(builds the lab's image\)/);
    assert.deepEqual(machine.calls.slice(0, 2), [
      'apt-get -q update',
      'apt-get -q install -y --no-install-recommends mmdebstrap',
    ]);
  });

  it('installs through sudo where that asks for no password', () => {
    machine.user('ordinary').withEverything().withApt().program('sudo', 'shift; "$@"');
    rmSync(join(machine.folder, 'bin/mmdebstrap'));
    assert.equal(machine.setup().status, 0);
    assert.match(machine.calls[1] ?? '', /install .* mmdebstrap$/);
  });

  it('prints the one command to run when it has no root rights', () => {
    machine.user('ordinary').withEverything().withApt().program('sudo', 'exit 1');
    rmSync(join(machine.folder, 'bin/qemu-system-x86_64'));
    const { status, stdout } = machine.setup();
    assert.equal(status, 1);
    assert.equal(
      stdout,
      "sudo sh -c 'apt-get update && apt-get install -y --no-install-recommends qemu-system-x86'\n",
    );
    assert.deepEqual(machine.calls, []);
  });

  it('does without a C compiler rather than ask an ordinary user for root rights', () => {
    machine.user('ordinary').withEverything().withApt().program('sudo', 'exit 1');
    rmSync(join(machine.folder, 'bin/gcc'));
    const { status, stderr } = machine.setup();
    assert.equal(status, 0, stderr);
    assert.match(stderr, /without gcc: one test.* is skipped/);
    assert.deepEqual(
      machine.calls.filter((call) => call.startsWith('apt-get')),
      [],
    );
  });

  it('names what it needs on a distribution that it does not know', () => {
    machine.distribution('gentoo');
    const { status, stderr } = machine.setup();
    assert.equal(status, 1);
    assert.match(stderr, /distribution \(gentoo\).*qemu-system-x86 mmdebstrap/);
    assert.deepEqual(machine.calls, []);
  });

  it('asks no distribution when nothing is missing', () => {
    machine.distribution('gentoo').withEverything();
    assert.equal(machine.setup().status, 0);
  });

  it('shows what apt-get said when it fails', () => {
    machine.withEverything().program('apt-get', 'echo "E: no such package"; exit 100');
    rmSync(join(machine.folder, 'bin/mmdebstrap'));
    const { status, stderr } = machine.setup();
    assert.equal(status, 1);
    assert.match(stderr, /E: no such package/);
    assert.match(stderr, /could not install mmdebstrap/);
  });

  it('says which Node it needs', () => {
    machine.withEverything();
    rmSync(join(machine.folder, 'bin/node'));
    const { status, stderr } = machine.setup();
    assert.equal(status, 1);
    assert.match(stderr, /Node\.js 20\.19 or newer/);
  });
});
