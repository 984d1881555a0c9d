/**
 * Writes plugin/man/precopy.1 from what the commands say of themselves, whenever the
 * package is packed (`npm pack -w plugin`).
 *
 *   node scripts/dist/man-page.js
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from './repository.js';

const main = join(repositoryRoot(), 'plugin/dist/cli/main.js');
const folder = join(repositoryRoot(), 'plugin/man');

function helpOf(command: readonly string[]): string {
  return execFileSync(process.execPath, [main, ...command, '--help'], {
    encoding: 'utf8',
    // commander breaks lines at the terminal's width.
    env: { ...process.env, COLUMNS: '80', NO_COLOR: '1' },
  }).trimEnd();
}

/** The names under "Commands:", as far as their help is commander's own. */
function commandsIn(help: string): string[] {
  const [, list = ''] = help.split(/^Commands:$/m);
  return [...list.matchAll(/^ {2}([a-z]+)/gm)]
    .map(([, name = '']) => name)
    .filter((name) => !['help', 'lab'].includes(name));
}

/** roff takes a line that begins with a dot or a quote for a request, and backslashes for escapes. */
function literal(text: string): string {
  const lines = text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .split('\n')
    .map((line) => (/^[.']/.test(line) ? `\\&${line}` : line));
  return ['.nf', ...lines, '.fi'].join('\n');
}

function manPage(): string {
  const general = helpOf([]);
  const sections = commandsIn(general).flatMap((name) => {
    const help = helpOf([name]);
    const deeper = name === 'hook' ? ['install', 'uninstall'] : [];
    return [
      `.SS precopy ${name}`,
      literal(help),
      ...deeper.map((word) => literal(helpOf([name, word]))),
    ];
  });
  return [
    '.\\" Written by scripts/man-page.ts from the help of the commands.',
    '.TH PRECOPY 1 "" precopy "User Commands"',
    '.SH NAME',
    'precopy \\- controls and explains live migrations of QEMU guests with VFIO devices',
    '.SH SYNOPSIS',
    literal(general),
    '.SH COMMANDS',
    ...sections,
    '.SH EXIT STATUS',
    '0 done; 1 failed (the message says where the guest is), or a limit of report was not kept; 2 usage;',
    '3 not migratable or not supported; 4 verify found a difference; 5 cancelled or timed out.',
    '.SH FILES',
    '/etc/precopy/config.yaml, /etc/libvirt/hooks/qemu.d/precopy, /run/precopy, /var/log/precopy',
    '',
  ].join('\n');
}

if (process.argv[1] === import.meta.filename) {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'precopy.1'), manPage());
}
