/**
 * Migrations of guests whose VFIO device writes their memory (test/support/scenarios.ts). All of them:
 *
 *   npx precopy lab run --env PRECOPY_SCENARIOS=all -- \
 *     node scripts/dist/mocha.js /tmp/counts 180000 test/dist/lab/scenarios.test.js
 */
import { describeScenarios } from '../support/scenarios.js';

// An everyday guest, and one that never converges: released, cancelled.
describeScenarios('writing', [6, 14, 15]);
