import { QmpError } from '../errors.js';
import { runShell } from './shell.js';

const USAGE = `usage: qmp-shell-ts ADDRESS

ADDRESS: unix:/path, tcp:host:port, ws://host:port, libvirt:DOMAIN

Reads commands from standard input: NAME KEY=VALUE ..., or {"execute": ...}; "help COMMAND" explains
one from the connected QEMU's schema. Ends with exit code 1 if a command failed or the connection was
lost, 2 on wrong usage.`;

const [address, ...rest] = process.argv.slice(2);
if (address === '--help' || address === '-h') {
  console.log(USAGE);
} else if (address === undefined || rest.length > 0) {
  console.error(USAGE);
  process.exitCode = 2;
} else {
  try {
    process.exitCode = (await runShell(address)) > 0 ? 1 : 0;
  } catch (error) {
    console.error(error instanceof QmpError ? `${error.code}: ${error.message}` : error);
    process.exitCode = 1;
  }
}
