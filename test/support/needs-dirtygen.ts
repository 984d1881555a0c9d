import { release } from 'node:os';
import { dirtygenLoaded } from '#scripts/lab/dirtygen.js';

/** Skips the tests of a `describe` where the kernel is too old for dirtygen (before 6.1), and says so. */
export function needsDirtygen(): void {
  before(function () {
    if (dirtygenLoaded()) return;
    console.log(
      `    skipped: dirtygen does not build on ${release()}, whose mdev interface is another one (docs/lab.md)`,
    );
    this.skip();
  });
}
