/**
 * What the installed script runs: `node main.js NAME OPERATION SUBOPERATION EXTRA`. Not the command
 * line's own entry, which loads every command.
 */
import { hookMain } from './entry.js';
import { refusedStatus } from './status.js';

const startMs = performance.now();
process.exitCode = (await hookMain(process.argv.slice(2), startMs)) ? refusedStatus : 0;
