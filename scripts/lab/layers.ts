/**
 * More Debian packages for L1 than the image has, laid over its /usr for the boots that ask for them
 * (`--with NAME`): the image, which every clone builds, stays small.
 */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { buildFolderOnce } from './atomic.js';
import { unpackPackages } from './debian.js';
import { useFolder } from './unused.js';
import type { Suite } from './suites.js';

/** Packages of each layer. */
const layers = {
  // With libvirt comes systemd, which its machine driver depends on; AppArmor confines what it starts.
  libvirt: [
    ...['libvirt-daemon', 'libvirt-daemon-driver-qemu', 'libvirt-clients', 'libvirt-clients-qemu'],
    ...['util-linux', 'mount', 'base-files', 'apparmor'],
  ],
} as const;

export type LabLayer = keyof typeof layers;
export const labLayers = Object.keys(layers) as readonly LabLayer[];

export function isLabLayer(text: string): text is LabLayer {
  return (labLayers as readonly string[]).includes(text);
}

export interface LayerOptions {
  readonly cacheFolder: string;
  readonly signal?: AbortSignal | undefined;
  readonly report: (line: string) => void;
}

/**
 * Unpacks a layer if there is none yet (some 20 s).
 *
 * @returns its folder, which has a `usr`
 * @throws LabError LAB_IMAGE, LAB_TOOL_MISSING; the signal's reason when aborted
 */
export async function ensureLayer(
  suite: Suite,
  layer: LabLayer,
  { cacheFolder, signal, report }: LayerOptions,
): Promise<string> {
  const packages = layers[layer];
  const hash = createHash('sha256').update(JSON.stringify(packages)).digest('hex').slice(0, 12);
  const prefix = `${suite}-${layer}-`;
  const folder = join(cacheFolder, 'layers', `${prefix}${hash}`);
  await buildFolderOnce(
    folder,
    async (temporaryFolder) => {
      report(`Unpacking ${layer} of Debian ${suite} in ${folder} (once).`);
      await unpackPackages(suite, join(temporaryFolder, 'root'), packages, { signal, report });
    },
    {
      signal,
      onWait: () => {
        report(`Waiting for another process that unpacks ${layer} of ${suite}.`);
      },
    },
  );
  await useFolder(folder, prefix);
  return join(folder, 'root');
}
