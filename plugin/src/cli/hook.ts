import { Command } from 'commander';
import { exitCodes, type ExitCode } from '../errors.js';
import { hookMain } from '../hook/entry.js';
import { installHook, uninstallHook } from '../hook/install.js';
import { reportError } from './output.js';

export function hookCommand(): Command {
  const root = ['--root <folder>', 'stands before every path, for packages', '/'] as const;
  return new Command('hook')
    .enablePositionalOptions()
    .description('launch precopy attach beside every domain that libvirt starts')
    .addCommand(
      new Command('install')
        .description("put the hook into libvirt's /etc/libvirt/hooks/qemu.d")
        .option(...root)
        .option('--single-file', 'as /etc/libvirt/hooks/qemu, for libvirt before 6.5')
        .action((flags: { root: string; singleFile?: true }) => {
          process.exitCode = say('hook install', () =>
            installHook({ root: flags.root, singleFile: flags.singleFile === true }),
          );
        })
        .exitOverride(),
    )
    .addCommand(
      new Command('uninstall')
        .description('remove it')
        .option(...root)
        .action((flags: { root: string }) => {
          process.exitCode = say('hook uninstall', () => uninstallHook(flags.root));
        })
        .exitOverride(),
    )
    .addCommand(
      new Command('run')
        .description(
          "what the installed script does, by hand: the domain's XML on stdin; fails to refuse, never else",
        )
        .argument('[words...]', 'NAME OPERATION SUBOPERATION EXTRA')
        // They are libvirt's, whatever they look like.
        .helpOption(false)
        .allowUnknownOption()
        .passThroughOptions()
        .action(async (words: string[]) => {
          const refused = await hookMain(words, performance.now());
          process.exitCode = refused ? exitCodes.failed : exitCodes.done;
        })
        .exitOverride(),
    );
}

function say(command: string, work: () => string): ExitCode {
  try {
    process.stdout.write(`${work()}\n`);
    return exitCodes.done;
  } catch (error) {
    return reportError(command, error, false);
  }
}
