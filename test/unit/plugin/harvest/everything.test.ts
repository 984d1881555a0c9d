/** Guests whose devices can't be told apart from all memory, and those that can't be harvested. */
import assert from 'node:assert/strict';
import { allDirtyCurve, deviceTracking, everythingDirty, rehearsalLines } from 'precopy';
import { forecastInputOf, rehearsalOf } from '../../../support/rehearsals.js';

type Report = Parameters<typeof deviceTracking>[0];

function reportOf(verdict: string, others: readonly object[] = []): Report {
  const containers = [{ fd: 15, tracks: true, scopeCulprits: ['0000:00:05.0'] }];
  const sides = [{ through: 'type1', verdict, fds: [15], deviceFds: [16] }, ...others];
  return {
    devices: [{ path: '/machine/peripheral/nic0', type: 'vfio-pci', properties: {} }],
    viommus: [],
    kernel: { support: { verdict, summary: 'the summary', containers, sides } },
  } as unknown as Report;
}

describe('which devices can be rehearsed', () => {
  it('harvests the containers that track precisely', () => {
    assert.deepEqual(deviceTracking(reportOf('container-precise')), {
      kind: 'tracked',
      containers: [15],
      logs: [],
      iommufds: [],
    });
    assert.deepEqual(deviceTracking(reportOf('not-needed')), { kind: 'none' });
  });

  it('harvests logs of devices and page tables of iommufds, beside containers', () => {
    const logs = { through: 'iommufd', verdict: 'device-logging', fds: [20], deviceFds: [21, 22] };
    assert.deepEqual(deviceTracking(reportOf('container-precise', [logs])), {
      kind: 'tracked',
      containers: [15],
      logs: [21, 22],
      iommufds: [],
    });
    const tables = { through: 'iommufd', verdict: 'iommufd', fds: [20], deviceFds: [21] };
    assert.deepEqual(deviceTracking(reportOf('iommufd', [tables])), {
      kind: 'tracked',
      containers: [],
      logs: [],
      iommufds: [15, 20],
    });
  });

  it('names the device that makes a container say everything', () => {
    assert.deepEqual(deviceTracking(reportOf('container-everything')), {
      kind: 'everything',
      culprits: ['0000:00:05.0'],
    });
  });

  for (const verdict of ['broken-device-logging', 'none', 'unknown']) {
    it(`refuses what it can't harvest: ${verdict}`, () => {
      assert.throws(() => deviceTracking(reportOf(verdict)), {
        code: 'NOT_SUPPORTED',
        message: /the summary/,
      });
    });
  }

  it('does not forecast without devices that it may not ask', () => {
    const kernel = { refused: 'no ptrace rights' };
    assert.throws(() => deviceTracking({ ...reportOf('none'), kernel }), { code: 'NO_ACCESS' });
  });

  it("does not take the guest's own IOVAs for guest-physical addresses", () => {
    const viommus = [{ path: '/machine/peripheral-anon/device[0]', type: 'intel-iommu' }];
    assert.throws(() => deviceTracking({ ...reportOf('container-precise'), viommus }), {
      code: 'NOT_SUPPORTED',
      message: /vIOMMU \(intel-iommu\)/,
    });
    // Two devices in one container: those are past it.
    const { devices } = reportOf('container-precise');
    const past = { ...reportOf('container-precise'), viommus, devices: [...devices, ...devices] };
    assert.equal(deviceTracking(past).kind, 'tracked');
  });
});

describe('the text for a container with scope `all`', () => {
  it('says the floor of the downtime, and what would help', () => {
    const pages = 2 ** 18;
    const input = forecastInputOf(
      { name: 'VFIO container', kind: 'device', curve: allDirtyCurve(pages) },
      { pages, bytesPerSecond: 2 ** 30 },
    );
    const lines = rehearsalLines(
      rehearsalOf(input, {
        sources: everythingDirty(input.guest.ram, { kind: 'everything', culprits: [] }).sources,
        bandwidthFrom: 'max-bandwidth',
        remedies: [{ kind: 'downtime-limit', ms: 1010 }],
        downtimeFloorMs: 1000,
        caveats: ['a caveat'],
      }),
    );
    assert.equal(lines[0], 'forecast: does not converge');
    const text = lines.join('\n');
    assert.match(text, /the downtime can't be less than 1\.00 s/);
    assert.match(text, /^ {2}a downtime limit of at least 1\.01 s$/m);
    assert.match(text, /^VFIO container +all of them +- +1\.00 GiB$/m);
    assert.match(text, /\(QEMU's max-bandwidth\)/);
    assert.match(text, /^note: a caveat$/m);
    assert.doesNotMatch(text, /^watched/m);
  });
});
