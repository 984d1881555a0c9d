/**
 * The libvirt hook's own work, beside the start of a bare Node in the same run: libvirt waits for both.
 */
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { repositoryRoot } from '../repository.js';
import { measure } from './measure.js';
import type { BenchRow } from './row.js';

const turns = 15;
const limitMs = 100;

/** As long as a usual domain's: libvirt's own defaults fill some 6 KiB. */
function domainXml(uuid: string): string {
  const device = `<hostdev mode='subsystem' type='pci'><driver name='vfio' model='mlx5_vfio_pci'/>
    <source><address domain='0x0000' bus='0x3b' slot='0x00' function='0x2'/></source></hostdev>`;
  const controllers = Array.from(
    { length: 40 },
    (_, index) => `<controller type='pci' index='${index}' model='pcie-root-port'>
      <address type='pci' domain='0x0000' bus='0x00' slot='0x02' function='0x0'/></controller>`,
  );
  return `<domain type='kvm'><name>bench</name><uuid>${uuid}</uuid>
    <devices>${controllers.join('\n')}${device}</devices></domain>`;
}

export async function* hookRows(
  signal: AbortSignal,
  onError: (error: unknown) => void,
): AsyncGenerator<BenchRow> {
  const folder = mkdtempSync(join(tmpdir(), 'bench-hook-'));
  const main = join(repositoryRoot(), 'plugin/dist/hook/main.js');
  const env = {
    // Without virsh, what is launched ends at once.
    PATH: folder,
    PRECOPY_RUN_FOLDER: folder,
    PRECOPY_LOG_FOLDER: folder,
    PRECOPY_CONFIG_FOLDER: folder,
  };
  writeFileSync(join(folder, 'config.yaml'), 'hook: { refuseUntrackedDevices: yes }\n');
  const run = async (args: readonly string[], input = ''): Promise<number> => {
    const startMs = performance.now();
    const child = spawn(process.execPath, args, { env, stdio: ['pipe', 'ignore', 'inherit'] });
    child.stdin.end(input);
    await once(child, 'exit');
    return performance.now() - startMs;
  };
  /** As the hook's log has it: from its first line to the last. */
  const ownMs = async (operation: string): Promise<number> => {
    await run([main, 'bench', ...operation.split(' '), '-'], domainXml(randomUUID()));
    const last = readFileSync(join(folder, 'hook.log'), 'utf8').trimEnd().split('\n').at(-1);
    return (JSON.parse(last ?? '') as { ownMs: number }).ownMs;
  };
  const bareNode = { name: 'bare node', turn: () => run(['-e', '']) };
  try {
    for (const [what, operation] of [
      ['a call that needs nothing', 'prepare begin'],
      ['launching a controller', 'started begin'],
      ['ending one', 'release end'],
      ['admitting a device, by a configuration', 'migrate begin'],
    ] as const) {
      yield await measure(
        'hook',
        {
          name: `own work, ${what}`,
          unit: 'ms',
          turns,
          ours: () => ownMs(operation),
          peer: bareNode,
          goal: { words: `at most ${limitMs} ms`, met: (ours) => ours <= limitMs },
        },
        signal,
        onError,
      );
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
