import { release } from 'node:os';
import { dirtygenMigrates } from '#scripts/lab/dirtygen.js';

/** Skips the tests of a `describe` where dirtygen only writes and pins (Linux 5.10), and says why. */
export function needsWholeDirtygen(): void {
  before(function () {
    if (dirtygenMigrates()) return;
    console.log(
      `    skipped: ${release()} has neither VFIO migration v2 (Linux 5.18) nor device logging (6.1), ` +
        'so its dirtygen only writes and pins (docs/dirtygen.md)',
    );
    this.skip();
  });
}
