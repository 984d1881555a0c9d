/** What AppArmor refuses, on a kernel that has it. The parser comes with libvirt's layer of the lab. */
import assert from 'node:assert/strict';
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { attempt } from '../support/attempt.js';

const securityFolder = '/sys/kernel/security';

/** All but ptrace, and of that what `rules` say. */
function profile(name: string, rules = ''): string {
  const all = 'file, capability, network, unix, signal, mount,';
  return `profile ${name} flags=(attach_disconnected) { ${all} ${rules} }\n`;
}

describe('AppArmor', () => {
  let lender: ChildProcess | undefined;

  before(() => {
    if (!existsSync(`${securityFolder}/apparmor`)) {
      execFileSync('mount', ['-t', 'securityfs', 'securityfs', securityFolder]);
    }
    const profiles = [
      profile('precopy-no-ptrace'),
      profile('precopy-reads', 'ptrace (read),'),
      profile('precopy-traces', 'ptrace (read, trace),'),
      profile('precopy-no-capability', 'ptrace, deny capability sys_ptrace,'),
      profile('precopy-complains').replace('flags=(', 'flags=(complain, '),
      profile('precopy-lender', 'ptrace (readby, tracedby),'),
      profile('precopy-lender-alone'),
    ];
    execFileSync('apparmor_parser', ['--skip-cache', '--replace'], {
      input: profiles.join(''),
      stdio: 'pipe',
    });
  });

  afterEach(() => {
    lender?.kill('SIGKILL');
  });

  async function borrow(
    ours: string | undefined,
    theirs?: string,
    theirUid = 0,
  ): ReturnType<typeof attempt> {
    const command = [...under(theirs), 'sleep', '600'];
    lender = spawn('env', command, { stdio: 'ignore', uid: theirUid });
    await once(lender, 'spawn');
    // A profile is put on by its exec.
    const comm = `/proc/${lender.pid ?? 0}/comm`;
    while (readFileSync(comm, 'utf8') !== 'sleep\n') await new Promise(setImmediate);
    return await attempt(under(ours), 'borrow-attempt.js', [String(lender.pid), '0']);
  }

  it('is named with the profile that refuses to look at another process', async () => {
    const { code, message } = await borrow('precopy-no-ptrace');
    assert.equal(code, 'VFIO_BORROW_LSM', message);
    assert.match(message, /list the files .* AppArmor's profile "precopy-no-ptrace \(enforce\)"/);
  });

  it('is named with the profile that refuses to borrow, where it lets us look', async () => {
    const { code, message } = await borrow('precopy-reads');
    assert.equal(code, 'VFIO_BORROW_LSM', message);
    assert.match(message, /borrow .* AppArmor's profile "precopy-reads \(enforce\)"/);
  });

  it('lets us borrow where our profile and theirs do', async () => {
    const { code, message } = await borrow('precopy-traces', 'precopy-lender');
    assert.equal(code, 'done', message);
  });

  it('is named where their profile is what refuses', async () => {
    const { code, message } = await borrow('precopy-traces', 'precopy-lender-alone');
    assert.equal(code, 'VFIO_BORROW_LSM', message);
    assert.match(message, /"precopy-traces \(enforce\)" .* or "precopy-lender-alone \(enforce\)"/);
  });

  it('asks their profile where ours only complains', async () => {
    const { code, message } = await borrow('precopy-complains', 'precopy-lender-alone');
    assert.equal(code, 'VFIO_BORROW_LSM', message);
    assert.match(message, /AppArmor's profile "precopy-lender-alone \(enforce\)" of sleep/);
  });

  it('keeps the capability back that another user takes, and it is named', async () => {
    const { code, message } = await borrow('precopy-no-capability', undefined, 65534);
    assert.equal(code, 'VFIO_BORROW_LSM', message);
    assert.match(message, /and "capability sys_ptrace" in the profile of this process/);
  });

  it('refuses nothing to a process without a profile, as a service of systemd is, however confined QEMU is', async () => {
    const { code, message } = await borrow(undefined, 'precopy-lender-alone');
    assert.equal(code, 'done', message);
  });
});

function under(name: string | undefined): string[] {
  return name === undefined ? [] : ['aa-exec', '-p', name, '--'];
}
