/**
 * What the compiler must accept and refuse. Compiling this file is the test: each `@ts-expect-error`
 * fails the build if its line compiles. None of these functions is called.
 */
/* eslint-disable @typescript-eslint/no-unused-vars, @typescript-eslint/no-unnecessary-type-parameters, @typescript-eslint/no-meaningless-void-operator -- types are all that is looked at here */
import type { EventSubscription, Int, JsonValue, QmpClient, QmpEvent } from 'qemu-qmp-client-ts';
import type { Qemu7_2 } from 'qemu-qmp-client-ts/qapi/7.2';
import type { Qemu10_0 } from 'qemu-qmp-client-ts/qapi/10.0';

/** Compiles only if both types are the same. */
function same<A, B>(
  ..._: (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? [] : [never]
): void {
  // nothing to do at run time
}

export async function arguments_(client: QmpClient): Promise<void> {
  await client.execute('query-status');
  await client.execute('query-status', {});
  await client.execute('migrate-set-parameters', { 'max-bandwidth': 2n ** 63n - 1n });
  await client.execute('migrate', { uri: 'unix:/x' }, { timeoutMs: 1000 });
  await client.execute('device_add', { driver: 'vfio-pci', id: 'v', sysfsdev: '/sys/x' });
  await client.execute('blockdev-add', {
    driver: 'qcow2',
    'node-name': 'disk',
    file: { driver: 'file', filename: '/x' },
  });
  await client.execute('migrate-set-capabilities', {
    capabilities: [{ capability: 'events', state: true }],
  });
  await client.execute('a-command-of-the-future', { anything: 1 });

  // @ts-expect-error the argument is misspelt
  await client.execute('migrate-set-parameters', { 'max-bandwith': 1 });
  // @ts-expect-error the value has the wrong type
  await client.execute('migrate-set-parameters', { 'max-bandwidth': '1' });
  const unknown = { capability: 'x', state: true } as const;
  // @ts-expect-error there is no such capability
  await client.execute('migrate-set-capabilities', { capabilities: [unknown] });
  // @ts-expect-error a required argument is missing
  await client.execute('getfd');
  // @ts-expect-error filename belongs to another driver
  await client.execute('blockdev-add', { driver: 'qcow2', file: 'f', filename: '/x' });
  // @ts-expect-error query-status takes no arguments
  await client.execute('query-status', { a: 1 });
}

export async function results(client: QmpClient, name: string): Promise<void> {
  const status = await client.execute('query-status');
  same<typeof status.running, boolean>();
  const migration = await client.execute('query-migrate');
  same<NonNullable<typeof migration.ram>['remaining'], Int>();
  // @ts-expect-error there is no such member
  void migration.rams;
  same<JsonValue, Awaited<ReturnType<typeof client.execute<'a-command-of-the-future'>>>>();
  const dynamic = await client.execute(name);
  same<typeof dynamic, JsonValue>();
}

export async function events(client: QmpClient): Promise<void> {
  const pass = await client.events.waitFor('MIGRATION_PASS');
  same<typeof pass.data.pass, Int>();
  for await (const event of client.events.subscribe(['STOP', 'MIGRATION'])) {
    if (event.name === 'MIGRATION')
      same<typeof event.data.status extends string ? true : false, true>();
    // @ts-expect-error STOP has no data
    else void event.data.status.length;
  }
  same<EventSubscription, ReturnType<typeof client.events.subscribe<string>>>();
  const all = await client.events.subscribe().next();
  same<typeof all, QmpEvent>();
}

export async function versions(
  old: QmpClient<Qemu7_2>,
  recent: QmpClient<Qemu10_0>,
  all: QmpClient,
): Promise<void> {
  await recent.execute('migrate-set-parameters', { 'avail-switchover-bandwidth': 1 });
  await all.execute('migrate-set-parameters', { 'avail-switchover-bandwidth': 1 });
  // @ts-expect-error QEMU 7.2 has no such parameter
  await old.execute('migrate-set-parameters', { 'avail-switchover-bandwidth': 1 });
  // A member that only some versions have is optional where all versions are meant.
  same<
    undefined extends Awaited<ReturnType<typeof all.execute<'query-status'>>>['singlestep']
      ? true
      : false,
    true
  >();
}
