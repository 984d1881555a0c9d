import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { kernelHeaders } from '#scripts/kernel-headers.js';
import * as iommufdAbi from '#vfio/abi/iommufd.js';
import type { Fields, Layout } from '#vfio/abi/layout.js';
import * as vfioAbi from '#vfio/abi/vfio.js';

type AnyLayout = Layout<Fields>;

/**
 * Names that the newest header no longer has; older kernels still answer to the number. 6 became
 * `__VFIO_RESERVED_TYPE1_NESTING_IOMMU` in 6.13.
 */
const removed = new Set(['VFIO_TYPE1_NESTING_IOMMU']);

const constants: Record<string, number> = {
  ...vfioAbi.VfioIoctl,
  ...vfioAbi.VfioExtension,
  ...vfioAbi.VfioFlag,
  ...vfioAbi.Type1CapabilityId,
  ...vfioAbi.DeviceFlag,
  ...vfioAbi.RegionFlag,
  ...vfioAbi.FeatureFlag,
  ...vfioAbi.DeviceFeature,
  ...vfioAbi.MigrationFlag,
  ...vfioAbi.MigrationState,
  ...iommufdAbi.IommufdIoctl,
  ...iommufdAbi.IommufdFlag,
  ...iommufdAbi.HwInfoType,
};

const layouts: AnyLayout[] = [...Object.values(vfioAbi.vfio), ...Object.values(iommufdAbi.iommufd)];

/** `[C expression, our value]` for the size of a structure and the place of each field in it. */
function* expectations(layout: AnyLayout): Generator<[string, number]> {
  yield [`sizeof(struct ${layout.name})`, layout.size];
  for (const [path, offset] of fieldOffsets(layout)) {
    yield [`offsetof(struct ${layout.name}, ${path})`, offset];
  }
}

function* fieldOffsets(layout: AnyLayout, prefix = '', base = 0): Generator<[string, number]> {
  for (const [name, type] of Object.entries(layout.fields)) {
    const offset = base + (layout.offsets[name] ?? NaN);
    yield [`${prefix}${name}`, offset];
    if (typeof type === 'object') yield* fieldOffsets(type, `${prefix}${name}.`, offset);
  }
}

function program(): string {
  const print = (expression: string): string =>
    `  printf("%s=%lld\\n", "${expression}", (long long)(${expression}));`;
  return [
    '#include <stddef.h>',
    '#include <stdio.h>',
    '#include <linux/vfio.h>',
    '#include <linux/iommufd.h>',
    'int main(void) {',
    ...layouts.flatMap((layout) =>
      [...expectations(layout)].map(([expression]) => print(expression)),
    ),
    ...Object.keys(constants)
      .filter((name) => !removed.has(name))
      .map(print),
    '  return 0;',
    '}',
    '',
  ].join('\n');
}

/** Compiles and runs the program; `undefined` without a C compiler. */
function compilerAnswers(include: readonly string[]): Map<string, number> | undefined {
  if (spawnSync('gcc', ['--version']).error !== undefined) return undefined;
  const folder = mkdtempSync(join(tmpdir(), 'vfio-abi-'));
  try {
    writeFileSync(join(folder, 'abi.c'), program());
    const options = include.flatMap((path) => ['-isystem', path]);
    const binary = join(folder, 'abi');
    const gcc = spawnSync('gcc', [...options, '-o', binary, join(folder, 'abi.c')], {
      encoding: 'utf8',
    });
    assert.equal(gcc.status, 0, gcc.stderr);
    const { stdout } = spawnSync(binary, { encoding: 'utf8' });
    const pairs = [...stdout.matchAll(/^(.+)=(-?\d+)$/gm)];
    return new Map(pairs.map(([, label = '', value]) => [label, Number(value)]));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

describe("structures and constants, against the C compiler and Debian sid's headers", () => {
  let answers: Map<string, number> | undefined;
  before(async function () {
    this.timeout(120_000);
    answers = compilerAnswers(await kernelHeaders('sid'));
    if (answers === undefined) {
      console.log('    skipped: this machine has no gcc');
      this.skip();
    }
  });

  function compare(expected: Iterable<readonly [string, number]>): void {
    for (const [expression, value] of expected) {
      assert.equal(answers?.get(expression), value, expression);
    }
  }

  for (const layout of layouts) {
    it(`struct ${layout.name}`, () => {
      compare(expectations(layout));
    });
  }
  for (const [name, value] of Object.entries(constants)) {
    if (removed.has(name)) continue;
    it(name, () => {
      compare([[name, value]]);
    });
  }
});
