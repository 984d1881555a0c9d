/** Whether what one QEMU sends can be loaded by the other. Pure. */
import type { SideFacts } from './side-facts.js';
import type { MigrationSettings } from './settings.js';

/** What does not fit, in a sentence, and what to do about it. */
export interface Misfit {
  readonly what: string;
  readonly fix: string;
  /** `blocks`: the destination will certainly refuse the stream. */
  readonly severity: 'blocks' | 'warns';
}

/** Capabilities that change the stream itself, so that both ends must have them alike. */
const streamCapabilities = ['multifd', 'postcopy-ram', 'postcopy-preempt', 'x-ignore-shared'];

export function compareSides(source: SideFacts, destination: SideFacts): Misfit[] {
  return [
    ...compareMachines(source, destination),
    ...compareCpus(source, destination),
    ...compareRam(source, destination),
    ...compareDevices(source, destination),
  ];
}

function compareMachines(source: SideFacts, destination: SideFacts): Misfit[] {
  if (source.machine === destination.machine) return [];
  return [
    {
      severity: 'blocks',
      what: `The source is a ${source.machine} and the destination a ${destination.machine}.`,
      fix: `Start the destination with -machine ${source.machine.replace(/-machine$/, '')}: an alias such as "q35" stands for another version in another QEMU.`,
    },
  ];
}

function compareCpus({ cpus: ours }: SideFacts, { cpus: theirs }: SideFacts): Misfit[] {
  const misfits: Misfit[] = [];
  if (ours.length !== theirs.length) {
    misfits.push({
      severity: 'blocks',
      what: `The source has ${ours.length} vCPUs and the destination ${theirs.length}.`,
      fix: 'Give both the same -smp, hotplugged vCPUs included.',
    });
  }
  const others = [...new Set(theirs)].filter((type) => !ours.includes(type));
  if (others.length > 0) {
    misfits.push({
      severity: 'warns',
      what: `The vCPUs are ${[...new Set(ours)].join(', ')} on the source and ${others.join(', ')} on the destination.`,
      fix: 'Give both the same -cpu: the guest may use features that the destination does not have.',
    });
  }
  return misfits;
}

/** Blocks of the firmware's tables; QEMU resizes them while it loads. */
const resizable = /^\/rom@/;

function compareRam({ ramBlocks: ours }: SideFacts, { ramBlocks: theirs }: SideFacts): Misfit[] {
  const fix = 'Give both the same -m, memory backends and firmware.';
  return [...ours].flatMap(([name, bytes]): Misfit[] => {
    const twin = theirs.get(name);
    if (twin === undefined) {
      return [{ severity: 'blocks', what: `The destination has no RAM block "${name}".`, fix }];
    }
    if (twin === bytes || resizable.test(name)) return [];
    const what = `The RAM block "${name}" has ${bytes} bytes on the source and ${twin} on the destination.`;
    return [{ severity: 'blocks', what, fix }];
  });
}

function compareDevices(source: SideFacts, destination: SideFacts): Misfit[] {
  const fix =
    'Start the destination with the same devices at the same addresses (addr=, bus=), those included that were plugged in later.';
  const theirs = new Map(destination.pciDevices.map(({ path, id }) => [path, id]));
  const missing = source.pciDevices.flatMap(({ path, id }): Misfit[] => {
    const twin = theirs.get(path);
    if (twin === id) return [];
    const what =
      twin === undefined
        ? `The destination has no PCI device at ${path}, where the source has ${id}.`
        : `The PCI device at ${path} is ${id} on the source and ${twin} on the destination.`;
    return [{ severity: 'blocks', what, fix }];
  });
  const ours = new Set(source.pciDevices.map(({ path }) => path));
  const extra = destination.pciDevices.flatMap(({ path, id }): Misfit[] =>
    ours.has(path)
      ? []
      : [
          {
            severity: 'warns',
            what: `The destination has a PCI device more than the source: ${id} at ${path}.`,
            fix,
          },
        ],
  );
  return [...missing, ...extra];
}

/** What `settings` want and a side does not have, and where both sides would not agree. */
export function compareSettings(
  settings: MigrationSettings,
  source: SideFacts,
  destination: SideFacts | undefined,
): Misfit[] {
  const sides = [
    { role: 'source', facts: source },
    ...(destination ? [{ role: 'destination', facts: destination }] : []),
  ];
  const unknown = sides.flatMap(({ role, facts }) =>
    (['capabilities', 'parameters'] as const).flatMap((kind) =>
      Object.keys(settings[kind])
        .filter((name) => !(name in facts.settings[kind]))
        .map((name): Misfit => {
          const noun = kind === 'capabilities' ? 'capability' : 'parameter';
          return {
            severity: 'blocks',
            what: `The ${role}'s QEMU does not know the migration ${noun} "${name}".`,
            fix: 'Leave out the option that needs it, or use a newer QEMU.',
          };
        }),
    ),
  );
  if (!destination) return unknown;
  const differing = streamCapabilities.flatMap((name): Misfit[] => {
    const wanted = settings.capabilities[name];
    const [ours, theirs] = [source, destination].map(
      (facts) => wanted ?? facts.settings.capabilities[name] ?? false,
    );
    if (ours === theirs) return [];
    return [
      {
        severity: 'blocks',
        what: `The capability ${name} is ${onOff(ours)} on the source and ${onOff(theirs)} on the destination.`,
        fix: 'Set it alike on both with migrate-set-capabilities.',
      },
    ];
  });
  return [...unknown, ...differing];
}

function onOff(state: boolean | undefined): string {
  return state === true ? 'on' : 'off';
}
