/**
 * Runs the test files below a folder with mocha, and writes its counts and failures as JSON (`Counts` of
 * test.ts) to a file, so that scripts/test.ts can add up several runs (one of them inside the lab's VM).
 *
 *   node scripts/dist/mocha.js COUNTS_FILE TIMEOUT_MS FOLDER_OR_FILE...
 */
import { readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Mocha from 'mocha';

const [countsFile, timeoutMs, ...places] = process.argv.slice(2);
if (countsFile === undefined || timeoutMs === undefined || places.length === 0) {
  console.error('usage: mocha.js COUNTS_FILE TIMEOUT_MS FOLDER_OR_FILE...');
  process.exit(2);
}

const files = places.flatMap((place) =>
  statSync(place).isDirectory()
    ? readdirSync(place, { recursive: true, encoding: 'utf8' })
        .filter((name) => name.endsWith('.test.js'))
        .sort()
        .map((name) => join(place, name))
    : [place],
);
const mocha = new Mocha({ reporter: 'spec', timeout: Number(timeoutMs), forbidOnly: true });
for (const file of files) mocha.addFile(file);
await mocha.loadFilesAsync();
const failures: string[] = [];
const runner = mocha.run((failed) => {
  const { passes = 0, pending = 0 } = runner.stats ?? {};
  writeFileSync(countsFile, JSON.stringify({ passed: passes, failed, skipped: pending, failures }));
  // What a test left open must not keep the run from ending; every tier checks its own leaks.
  process.exit(failed > 0 ? 1 : 0);
});
runner.on('fail', (test: Mocha.Runnable, error: Error) => {
  failures.push(`${test.fullTitle()}\n${error.stack ?? error.message}`);
});
