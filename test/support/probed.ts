import { precopy } from './precopy.js';

/** What the tests look at in the JSON of `precopy probe` (docs/probe.md). */
export interface Probed {
  readonly exitCode: number | null;
  readonly report: {
    readonly qemu: { readonly version: string };
    readonly devices: readonly { readonly properties: Record<string, unknown> }[];
    readonly viommus: readonly { readonly type: string }[];
    readonly blockers: readonly { readonly reason: string }[];
    readonly kernel: {
      readonly files: readonly { readonly kind: string }[];
      readonly support: {
        readonly verdict: string;
        readonly sides: readonly {
          readonly through: string;
          readonly verdict: string;
          readonly fds: readonly number[];
          readonly deviceFds: readonly number[];
        }[];
        readonly containers: readonly {
          readonly tracks: boolean;
          readonly scope: string;
          readonly scopeCulprits: readonly string[];
          readonly trackingNow?: boolean;
          readonly extension9: string;
          readonly generations: readonly string[];
        }[];
        readonly devices: readonly {
          readonly name?: string;
          readonly migratable?: boolean;
          readonly dirtyLogging: string;
        }[];
        readonly iommufds: readonly { readonly evidence: readonly { readonly says: string }[] }[];
        readonly problems: readonly { readonly what: string; readonly fix: string }[];
      };
    };
    readonly assessment: { readonly verdict: string };
  };
}

/** `precopy probe --json`. */
export async function probed(qmp: string): Promise<Probed> {
  const { exitCode, stdout, stderr } = await precopy('probe', '--qmp', qmp, '--json');
  try {
    return { exitCode, report: JSON.parse(stdout) as Probed['report'] };
  } catch (cause) {
    throw new Error(`probe printed no JSON: ${stdout}${stderr}`, { cause });
  }
}

/** How often each kind of file is open. */
export function kindsOf({ report }: Probed): Record<string, number> {
  const kinds: Record<string, number> = {};
  for (const { kind } of report.kernel.files) kinds[kind] = (kinds[kind] ?? 0) + 1;
  return kinds;
}
