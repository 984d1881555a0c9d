import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { parseLabArguments } from '#scripts/lab/arguments.js';
import { qemuArguments, type Machine } from '#scripts/lab/qemu-command.js';
import { shellQuote } from '#scripts/lab/shell-quote.js';

describe('the command line of the lab', () => {
  it('takes options before --, and everything after it as the command', () => {
    const line =
      'run --suite sid --out /o --forward 8080:80 --forward 1:2 --env A=b=c --memory 512 --timeout 1.5 -- node --suite x -- y';
    assert.deepEqual(parseLabArguments(line.split(' ')), {
      action: 'run',
      suite: 'sid',
      kernel: undefined,
      proposal: undefined,
      layer: undefined,
      out: '/o',
      forwards: [
        { hostPort: 8080, port: 80 },
        { hostPort: 1, port: 2 },
      ],
      environment: { A: 'b=c' },
      memoryMiB: 512,
      timeoutMs: 1500,
      command: ['node', '--suite', 'x', '--', 'y'],
    });
  });

  it('boots trixie unless told otherwise', () => {
    const options = parseLabArguments(['shell']);
    assert.ok(options !== 'help');
    assert.equal(options.suite, 'trixie');
  });

  for (const line of ['', 'help', '--help', 'run --help']) {
    it(`gives help on "${line}"`, () => {
      assert.equal(parseLabArguments(line === '' ? [] : line.split(' ')), 'help');
    });
  }

  const wrong: [string, RegExp][] = [
    ['fly', /No such command: lab fly/],
    ['run', /needs a command after `--`/],
    ['run --', /needs a command after `--`/],
    ['run ls', /comes after `--`/],
    ['shell -- ls', /takes no command/],
    ['run --suite buster -- ls', /No such suite: buster.*trixie/],
    ['run --timeout soon -- ls', /--timeout takes a number above 0, not "soon"/],
    ['run --timeout 0 -- ls', /--timeout/],
    ['run --memory -5 -- ls', /--memory/],
    ['run --forward 80 -- ls', /HOSTPORT:PORT, not "80"/],
    ['run --forward 70000:1 -- ls', /HOSTPORT:PORT/],
    ['run --forward 0:1 -- ls', /HOSTPORT:PORT/],
    ['run --env 1=2 -- ls', /NAME=VALUE, not "1=2"/],
    ['run --proposal magic -- ls', /No such proposal: magic/],
    ['run --kernel magic -- ls', /No such kernel: magic.*iommufd/],
    ['run --with magic -- ls', /No such packages: magic.*libvirt/],
    ['run --kernel iommufd --proposal info-flag -- ls', /leave --kernel out/],
    ['run --colour -- ls', /--colour/],
  ];
  for (const [line, message] of wrong) {
    it(`refuses "${line}"`, () => {
      assert.throws(() => parseLabArguments(line.split(' ')), { code: 'LAB_USAGE', message });
    });
  }
});

describe("QEMU's command line", () => {
  const machine: Machine = {
    accelerator: 'tcg',
    kernel: '/k',
    initrd: '/i',
    root: '/some,root',
    memoryMiB: 1024,
    cpus: 2,
    shares: [
      { source: '/clone', target: '/clone', writable: false },
      { source: '/o', target: '/out', writable: true },
    ],
    forwards: [],
    consoleLog: '/log',
    ports: { control: 3, stdout: 4, stderr: 5 },
  };

  it('shares folders read-only unless they are writable, whatever is in their names', () => {
    const shares = qemuArguments(machine).filter((argument) => argument.startsWith('local,'));
    assert.equal(shares.length, 3);
    assert.match(shares[0] ?? '', /path=\/some,,root,.*readonly=on/);
    assert.match(shares[1] ?? '', /path=\/clone,.*readonly=on/);
    assert.match(shares[2] ?? '', /path=\/o,/);
    assert.doesNotMatch(shares[2] ?? '', /readonly/);
  });

  it('has no network unless a port is forwarded', () => {
    assert.ok(!qemuArguments(machine).includes('-netdev'));
  });

  it('forwards from the loopback address only, and lets nothing out', () => {
    const argv = qemuArguments({ ...machine, forwards: [{ hostPort: 8080, port: 80 }] });
    assert.equal(
      argv[argv.indexOf('-netdev') + 1],
      'user,id=net0,restrict=on,hostfwd=tcp:127.0.0.1:8080-10.0.2.15:80',
    );
  });

  it('takes the features from the CPU that slow TCG down', () => {
    const cpu = (accelerator: 'tcg' | 'kvm'): string | undefined => {
      const argv = qemuArguments({ ...machine, accelerator });
      return argv[argv.indexOf('-cpu') + 1];
    };
    assert.equal(cpu('tcg'), 'max,-erms,-fsrm');
    assert.equal(cpu('kvm'), 'host');
  });
});

describe('quoting for the shell', () => {
  for (const text of ['', 'a b', "it's", '"$HOME" `id` \\', 'line\nline', '*', '-n', 'ä€']) {
    it(`keeps ${JSON.stringify(text)} as it is`, () => {
      const { stdout } = spawnSync('sh', ['-c', `printf %s ${shellQuote(text)}`]);
      assert.equal(stdout.toString(), text);
    });
  }
});
