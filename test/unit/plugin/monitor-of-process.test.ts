/** Which monitors a QEMU's command line tells of. */
import assert from 'node:assert/strict';
import { monitorsOf } from '#plugin/monitor-of-process.js';

function addresses(...commandLine: string[]): readonly string[] {
  return monitorsOf(['qemu-system-x86_64', ...commandLine]).addresses;
}

const cases: readonly (readonly [name: string, options: readonly string[], found: string[]])[] = [
  ['-qmp of a unix socket', ['-qmp', 'unix:/run/a,server=on,wait=off'], ['unix:/run/a']],
  ['-qmp as it was written once', ['-qmp', 'unix:/run/a,server,nowait'], ['unix:/run/a']],
  ['two dashes, pretty', ['--qmp-pretty', 'unix:/run/a,server=on'], ['unix:/run/a']],
  ['-qmp of a port', ['-qmp', 'tcp:10.0.0.1:4444,server=on'], ['tcp:10.0.0.1:4444']],
  ['a port of all interfaces', ['-qmp', 'tcp::4444,server=on'], ['tcp:localhost:4444']],
  ['a port of IPv6', ['-qmp', 'tcp:[fe80::1]:4444,server=on'], ['tcp:[fe80::1]:4444']],
  ['a websocket', ['-qmp', 'websocket:127.0.0.1:4444,server=on'], ['ws://127.0.0.1:4444']],
  ['one that connects to somebody itself', ['-qmp', 'unix:/run/a'], []],
  ['standard input', ['-qmp', 'stdio'], []],
  [
    'a chardev in control mode',
    ['-chardev', 'socket,id=m,path=/run/a,server=on,wait=off', '-mon', 'chardev=m,mode=control'],
    ['unix:/run/a'],
  ],
  [
    'a chardev that is named later, with commas in its path',
    ['-mon', 'm,mode=control', '-chardev', 'socket,path=/run/a,,b,server=on,id=m'],
    ['unix:/run/a,b'],
  ],
  [
    'the chardev of a monitor for people',
    ['-chardev', 'socket,id=m,path=/run/a,server=on', '-mon', 'chardev=m,mode=readline'],
    [],
  ],
  ['a monitor for people', ['-monitor', 'unix:/run/a,server=on'], []],
  [
    'the chardev of something else',
    ['-chardev', 'socket,id=serial,path=/run/a,server=on', '-serial', 'chardev:serial'],
    [],
  ],
  [
    'several, in their order',
    ['-qmp', 'unix:/run/a,server=on', '-qmp', 'unix:/run/b,server=on'],
    ['unix:/run/a', 'unix:/run/b'],
  ],
];

describe("a QEMU's command line", () => {
  for (const [name, options, found] of cases) {
    it(`tells ${found.length > 0 ? 'of' : 'of nothing by'} ${name}`, () => {
      assert.deepEqual(addresses(...options), found);
    });
  }

  it('tells of a monitor that libvirt keeps, and of the guest', () => {
    const found = monitorsOf([
      ...['/usr/bin/qemu-system-x86_64', '-name', 'guest=web,debug-threads=on', '-S'],
      ...['-chardev', 'socket,id=charmonitor,fd=34,server=on,wait=off'],
      ...['-mon', 'chardev=charmonitor,id=monitor,mode=control'],
    ]);
    assert.deepEqual(found, { addresses: [], handedOver: true, guest: 'web' });
  });
});
