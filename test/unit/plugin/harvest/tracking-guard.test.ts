/** What the guard does about migrations that somebody else starts, of a QEMU that answers as told. */
import assert from 'node:assert/strict';
import { HarvestGate } from 'linux-vfio-ts';
import { Journal, QemuSide, TrackingGuard, type StolenBits } from 'precopy';
import { QmpClient } from 'qemu-qmp-client-ts';
import { FakeQemu } from 'qemu-qmp-client-ts/testing';

/** A QEMU of which a migration can be started and ended. */
class MigratingQemu {
  readonly fake = new FakeQemu();
  migration = 'none';
  guest = 'running';
  events = false;
  cancels = 0;
  /** What `migrate_cancel` leads to. */
  afterCancel = 'cancelled';

  constructor() {
    const { fake } = this;
    fake.on('query-migrate', () => ({ status: this.migration }));
    fake.on('query-status', () => ({ running: this.guest === 'running', status: this.guest }));
    fake.on('query-migrate-capabilities', () => [{ capability: 'events', state: this.events }]);
    fake.on('migrate-set-capabilities', (args) => {
      const { capabilities } = args as unknown as { capabilities: { state: boolean }[] };
      this.events = capabilities[0]?.state === true;
      return {};
    });
    fake.on('migrate_cancel', () => {
      this.cancels++;
      this.migration = this.afterCancel;
      return {};
    });
  }

  migrate(): void {
    this.migration = 'setup';
    if (this.events) this.fake.emit('MIGRATION', { status: 'setup' });
  }
}

describe('the guard of harvests against migrations', () => {
  let qemu: MigratingQemu;
  let client: QmpClient;
  let gate: HarvestGate;
  let stolen: StolenBits[];
  beforeEach(async () => {
    qemu = new MigratingQemu();
    client = await QmpClient.connect(qemu.fake.stream());
    gate = new HarvestGate();
    stolen = [];
  });
  afterEach(() => client.close());

  const watch = async (onStolenBits?: 'report'): Promise<TrackingGuard> =>
    await TrackingGuard.watch(
      new QemuSide('source', client, 'fake', undefined, new Journal()),
      gate,
      { onStolenBits, report: (bits) => stolen.push(bits) },
    );
  /** A read during which `during` happens. */
  const read = async (during: () => void = () => undefined): Promise<void> => {
    await gate.pass(() => {
      during();
      return Promise.resolve();
    });
  };
  const shut = async (): Promise<void> => {
    while (gate.shutReason === undefined) await client.execute('query-status');
  };

  it('switches MIGRATION events on, and off again', async () => {
    {
      await using guard = await watch();
      assert.equal(qemu.events, true);
      await guard.look();
    }
    assert.equal(qemu.events, false);
  });

  it('refuses while QEMU migrates', async () => {
    qemu.migration = 'active';
    await assert.rejects(watch(), { code: 'NOT_SUPPORTED' });
    await assert.rejects(read(), { code: 'VFIO_HARVEST_REFUSED' });
  });

  it('shuts the gate at the event, and lets a migration go on from which nothing was taken', async () => {
    await using guard = await watch();
    await read();
    await new Promise((resolve) => setTimeout(resolve, 5));
    qemu.migrate();
    await shut();
    await assert.rejects(read(), { code: 'VFIO_HARVEST_REFUSED' });
    await guard.settled();
    assert.deepEqual([stolen.length, qemu.cancels], [0, 0]);
  });

  const outcomes: [
    what: string,
    prepare: () => void,
    outcome: StolenBits['outcome'],
    says: RegExp,
  ][] = [
    ['cancels', () => undefined, 'cancelled', /the guest runs on the source/],
    ['says that it was too late', () => (qemu.afterCancel = 'completed'), 'too late', /do not use/],
    [
      'does not cancel in the blackout, where both would run,',
      () => (qemu.guest = 'finish-migrate'),
      'not cancelled',
      /do not trust its destination/,
    ],
  ];
  for (const [what, prepare, outcome, says] of outcomes) {
    it(`${what} where a read ended after the setup event`, async () => {
      await using guard = await watch();
      prepare();
      await read(() => {
        qemu.migrate();
      });
      await shut();
      await guard.settled();
      assert.deepEqual(
        stolen.map((bits) => bits.outcome),
        [outcome],
      );
      assert.match(stolen[0]?.message ?? '', says);
      assert.equal(qemu.cancels, outcome === 'not cancelled' ? 0 : 1);
    });
  }

  it('only reports it where it is told to', async () => {
    await using guard = await watch('report');
    await read(() => {
      qemu.migrate();
    });
    await shut();
    await guard.settled();
    assert.equal(stolen[0]?.outcome, 'left running');
    assert.equal(qemu.cancels, 0);
  });

  it('finds a migration by asking where somebody switched the events off', async () => {
    await using guard = await watch();
    await guard.look();
    qemu.events = false;
    await read();
    qemu.migrate();
    await read();
    await assert.rejects(guard.look(), { code: 'VFIO_HARVEST_REFUSED' });
    await guard.settled();
    assert.equal(stolen[0]?.outcome, 'cancelled');
    assert.match(stolen.at(0)?.message ?? '', /ms after QEMU last said that it does not, so dirty/);
  });
});
