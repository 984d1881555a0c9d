import type { JournalRecord, RecordOf } from './records.js';

/** The command of ours that started a migration: QEMU's, or libvirt's. */
export function beginsMigration(record: JournalRecord): record is RecordOf<'effect'> {
  return (
    record.type === 'effect' &&
    (record.command === 'migrate' || record.command === 'virsh migrate') &&
    record.error === undefined
  );
}
