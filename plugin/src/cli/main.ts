import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command, CommanderError } from 'commander';
import { exitCodes } from '../errors.js';
import { attachCommand } from './attach.js';
import { hookCommand } from './hook.js';
import { guardianCommand } from './guardian.js';
import { labCommand } from './lab.js';
import { linkCommand } from './link.js';
import { migrateCommand } from './migrate.js';
import { probeCommand } from './probe.js';
import { shellCommand } from './shell.js';
import { replayCommand } from './replay.js';
import { reportCommand } from './report.js';
import { rehearseCommand } from './rehearse.js';
import { watchCommand } from './watch.js';

const manifest = readFileSync(join(import.meta.dirname, '../../package.json'), 'utf8');
const { version } = JSON.parse(manifest) as { version: string };

// Whoever read our output may go away (`| head`); a migration under way must be brought to its end.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);

const program = new Command('precopy')
  .version(version)
  .description('Controls and explains live migrations of QEMU guests with VFIO devices.')
  .enablePositionalOptions()
  .exitOverride()
  .addCommand(probeCommand().exitOverride())
  .addCommand(watchCommand().exitOverride())
  .addCommand(rehearseCommand().exitOverride())
  .addCommand(migrateCommand().exitOverride())
  .addCommand(guardianCommand().exitOverride(), { hidden: true })
  .addCommand(linkCommand().exitOverride())
  .addCommand(replayCommand().exitOverride())
  .addCommand(reportCommand().exitOverride())
  .addCommand(shellCommand().exitOverride())
  .addCommand(attachCommand().exitOverride())
  .addCommand(hookCommand().exitOverride())
  .addCommand(labCommand().exitOverride());

try {
  await program.parseAsync();
} catch (error) {
  if (!(error instanceof CommanderError)) throw error;
  // commander has printed its message already; its own exit code for bad usage is 1.
  process.exitCode = error.exitCode === 0 ? exitCodes.done : exitCodes.usage;
}
