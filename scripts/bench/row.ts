/** One measured comparison; `npm run bench NAME -- --json` prints one a line. */
export interface BenchRow {
  readonly bench: string;
  readonly case: string;
  readonly unit: string;
  /** Null when the case failed; `met` is false then. */
  readonly ours: number | null;
  /** What ours is compared with on the same data in the same run; null where there is nothing. */
  readonly peerName: string | null;
  readonly peer: number | null;
  /** ours / peer */
  readonly ratio: number | null;
  /** In words; null where the row is there for information only. */
  readonly goal: string | null;
  readonly met: boolean | null;
}

/** A table for people: columns as wide as their widest cell. */
export function rowsAsTable(rows: readonly BenchRow[]): string {
  const lines = rows.map((row) => [
    row.case,
    row.ours === null ? 'failed' : `${row.ours} ${row.unit}`,
    row.peerName === null ? '' : `${row.peerName} ${row.peer ?? '?'}`,
    row.ratio === null ? '' : String(row.ratio),
    row.goal ?? '',
    row.met === null ? '' : row.met ? 'met' : 'MISSED',
  ]);
  const table = [['case', 'ours', 'peer', 'ratio', 'goal', ''], ...lines];
  const widths = (table[0] ?? []).map((_, column) =>
    Math.max(...table.map((line) => line[column]?.length ?? 0)),
  );
  return table
    .map((line) =>
      line
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
