/** What libvirt knows of a migration job (`virsh domjobinfo --rawstats`), in QEMU's terms. */
import type { MigrationInfo } from '../sequence/qemu-replies.js';

/**
 * @param text lines `name: number`; the names are those of libvirt's typed parameters
 *   (VIR_DOMAIN_JOB_* of libvirt-domain.h)
 */
export function parseJobInfo(text: string): Partial<MigrationInfo> {
  const stats = new Map<string, number>();
  for (const line of text.split('\n')) {
    const [, name, value] = /^([a-z_]+): *(\d+)$/.exec(line.trim()) ?? [];
    if (name !== undefined) stats.set(name, Number(value));
  }
  const of = (name: string): number => stats.get(name) ?? 0;
  const downtime = stats.get('downtime');
  return {
    ...(downtime === undefined ? {} : { downtime }),
    ...(of('memory_total') === 0
      ? {}
      : {
          ram: {
            transferred: of('memory_processed'),
            remaining: of('memory_remaining'),
            total: of('memory_total'),
            duplicate: of('memory_constant'),
            normal: of('memory_normal'),
            'page-size': of('memory_page_size'),
            mbps: (of('memory_bps') * 8) / 1e6,
            'dirty-sync-count': of('memory_iteration'),
            'dirty-pages-rate': of('memory_dirty_rate'),
          },
        }),
  };
}
