import assert from 'node:assert/strict';
import { chmod, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { formatAddress, parseAddress, QmpClient } from 'qemu-qmp-client-ts';

/** A stand-in for virsh, and none for virt-qemu-qmp-proxy: the domain `guest` runs. */
const VIRSH = `#!/bin/sh
case "$*" in
  *nobody*) echo "error: failed to get domain 'nobody'" >&2; exit 1 ;;
  *qemu-monitor-event*)
    echo 'event STOP at 1700000000.000123 for domain '"'guest'"': {}'
    echo 'event MIGRATION_PASS at 1700000001.000000 for domain '"'guest'"': {"pass": 9007199254740993}'
    exec sleep 60 ;;
  *query-version*) echo '{"return": {"qemu": {"major": 9, "minor": 2, "micro": 1}, "package": ""}, "id": "libvirt-7"}' ;;
  *query-name*) echo '{"return": {"name": "guest"}, "id": "libvirt-8"}' ;;
  *) echo '{"error": {"class": "CommandNotFound", "desc": "no such command"}, "id": "libvirt-9"}' ;;
esac
`;

describe('a domain of libvirt', () => {
  let folder = '';
  const { PATH } = process.env;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'qmp-virsh-'));
    await writeFile(join(folder, 'virsh'), VIRSH);
    await chmod(join(folder, 'virsh'), 0o755);
    // Alone on the PATH: the real programs may be installed.
    await symlink('/bin/sleep', join(folder, 'sleep'));
  });
  after(async () => {
    await rm(folder, { recursive: true });
  });
  afterEach(() => {
    process.env['PATH'] = PATH;
  });

  it('answers through virsh where there is no proxy, and tells its events', async () => {
    process.env['PATH'] = folder;
    const client = new QmpClient();
    const stop = client.events.waitFor('STOP');
    const pass = client.events.waitFor('MIGRATION_PASS');
    await client.open('libvirt:qemu:///system#guest');
    assert.equal(client.versionText, '9.2.1');
    assert.deepEqual(await client.execute('query-name'), { name: 'guest' });
    await assert.rejects(client.execute('nothing'), { errorClass: 'CommandNotFound' });
    assert.equal((await stop).qemuTimeUs, 1_700_000_000_000_123);
    assert.equal((await pass).data.pass, 2n ** 53n + 1n);
    await client.close();
  });

  it('answers through virsh where the proxy finds no Python module', async () => {
    process.env['PATH'] = folder;
    const proxy = join(folder, 'virt-qemu-qmp-proxy');
    await writeFile(
      proxy,
      '#!/bin/sh\necho "ModuleNotFoundError: No module named \'libvirt\'" >&2\nexit 1\n',
      { mode: 0o755 },
    );
    try {
      const client = await QmpClient.connect('libvirt:guest');
      assert.deepEqual(await client.execute('query-name'), { name: 'guest' });
      await client.close();
    } finally {
      await rm(proxy);
    }
  });

  it('that does not run is an error in the words of libvirt', async () => {
    process.env['PATH'] = folder;
    await assert.rejects(QmpClient.connect('libvirt:nobody'), {
      code: 'QMP_CONNECT_FAILED',
      message: /failed to get domain 'nobody'/,
    });
  });

  it('can not be reached without either program, and the error names the packages', async () => {
    process.env['PATH'] = '/nowhere';
    await assert.rejects(QmpClient.connect('libvirt:guest'), {
      code: 'QMP_UNSUPPORTED',
      message: /libvirt-clients-qemu/,
    });
  });
});

describe('an address', () => {
  for (const text of [
    'unix:/run/a b',
    'tcp:[::1]:4444',
    'tcp:host:1',
    'ws://host:1/path',
    'libvirt:guest',
    'libvirt:qemu+ssh://host/system#guest',
  ]) {
    it(`${text} is written as it was read`, () => {
      assert.equal(formatAddress(parseAddress(text)), text);
    });
  }
});
