import assert from 'node:assert/strict';
import {
  chooseBandwidth,
  migrationLimits,
  obstacleFrom,
  parseConfig,
  speedFrom,
  speedText,
  UnknownBandwidthError,
  type Experience,
  type Virsh,
} from 'precopy';

const MiB = 2 ** 20;
const uuid = '6d53ba52-5c26-4a43-8ae2-3b5f4a8ff8b1';
const unlimited = '8796093022207\n';

/** A virsh that says this speed. */
const virshWith = (speed: string): Pick<Virsh, 'run'> => ({
  run: (args) => {
    assert.deepEqual(args, ['migrate-getspeed', '--domain', uuid]);
    return Promise.resolve(speed);
  },
});

describe('the limits that a controller rehearses a migration with', () => {
  const limits = (yaml: string, speed = unlimited): ReturnType<typeof migrationLimits> =>
    migrationLimits(parseConfig(yaml, 'config.yaml'), virshWith(speed), uuid);

  it('are those of the configuration, then of its policy, then the speed that libvirt has', async () => {
    const steered = 'migration: { policy: adaptive, bandwidth: 50M, downtimeLimit: 100ms }';
    assert.deepEqual(await limits(`rehearse: { bandwidth: 1G }\n${steered}`), {
      bandwidthBytesPerSecond: 1024 * MiB,
      downtimeLimitMs: 100,
    });
    assert.equal((await limits(steered)).bandwidthBytesPerSecond, 50 * MiB);
    const left = 'migration: { policy: qemu, bandwidth: 50M, downtimeLimit: 100ms }';
    assert.deepEqual(await limits(left, '500\n'), {
      bandwidthBytesPerSecond: 500 * MiB,
      downtimeLimitMs: undefined,
    });
    assert.equal((await limits(left)).bandwidthBytesPerSecond, 0);
    assert.equal((await limits(left, '')).bandwidthBytesPerSecond, undefined);
  });

  it("are libvirt's own numbers, in MiB/s", () => {
    assert.equal(speedFrom('8\n'), 8 * MiB);
    assert.equal(speedFrom(unlimited), 0);
    assert.equal(speedFrom('0\n'), undefined);
    assert.equal(speedFrom('error: no such command'), undefined);
    assert.deepEqual([0, 1, 3.4 * MiB, 2 ** 62, Number.MAX_VALUE].map(speedText), [
      '8796093022207',
      '1',
      '3',
      '4398046511104',
      '8796093022207',
    ]);
  });
});

describe('the bandwidth of a rehearsal', () => {
  const knows = (linkMib: number): Experience => ({
    ...{ calibration: undefined, accuracy: undefined, link: undefined },
    pastLinkBytesPerSecond: linkMib * MiB,
  });
  const none = 2 ** 63;

  it("is the link's in past migrations where the next one will have no limit", () => {
    const { bytesPerSecond, from, maxBytesPerSecond } = chooseBandwidth(0, 128 * MiB, knows(900));
    assert.deepEqual([bytesPerSecond, from, maxBytesPerSecond], [900 * MiB, 'history', 0]);
    assert.equal(chooseBandwidth(undefined, none, knows(900)).bytesPerSecond, 900 * MiB);
    assert.equal(chooseBandwidth(100 * MiB, none, knows(900)).from, 'option');
  });

  it("is QEMU's max-bandwidth where nothing tells the link, as long as it has one", () => {
    const { bytesPerSecond, from, maxBytesPerSecond } = chooseBandwidth(0, 128 * MiB);
    assert.deepEqual([bytesPerSecond, from, maxBytesPerSecond], [128 * MiB, 'max-bandwidth', 0]);
    assert.throws(() => chooseBandwidth(0, none), UnknownBandwidthError);
    assert.throws(() => chooseBandwidth(undefined, 0), UnknownBandwidthError);
  });

  it('that is missing is told with what a controller needs', () => {
    const { why, next } = obstacleFrom(new UnknownBandwidthError(), 1);
    assert.match(why, /no past migration tells what the link takes/);
    assert.match(next, /rehearse\.bandwidth/);
    assert.doesNotMatch(next, /--bandwidth/);
  });
});
