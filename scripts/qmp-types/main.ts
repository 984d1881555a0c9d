/**
 * Makes qmp/src/generated from the schemas kept in scripts/qmp-types/schemas.
 *
 *   node scripts/dist/qmp-types/main.js                    writes the types of all kept schemas
 *   node scripts/dist/qmp-types/main.js --check            fails if a written file is not current
 *   node scripts/dist/qmp-types/main.js --take unix:/path  first takes the schema of a running QEMU
 *
 * Any QEMU of the wanted version will do: `qemu-system-x86_64 -M none -nodefaults -display none
 * -qmp unix:/path,server=on,wait=off`. docs/qmp-types.md says how to get other versions' binaries.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { QmpClient } from 'qemu-qmp-client-ts';
import { repositoryRoot } from '../repository.js';
import { generateAll, keptVersions, schemaFile, schemaText } from './generate.js';

const args = process.argv.slice(2);
const takeAt = args.indexOf('--take');
if (takeAt >= 0) await take(args[takeAt + 1] ?? '');

const stale: string[] = [];
for (const { path, text } of await generateAll(await keptVersions())) {
  const file = join(repositoryRoot(), path);
  const current = await readFile(file, 'utf8').catch(() => '');
  if (current === text) continue;
  if (args.includes('--check')) {
    stale.push(path);
  } else {
    await writeFile(file, text);
    console.log(`wrote ${path}`);
  }
}
if (stale.length > 0) {
  console.error(`Not current: ${stale.join(', ')}. Run: node scripts/dist/qmp-types/main.js`);
  process.exitCode = 1;
}

async function take(address: string): Promise<void> {
  await using client = await QmpClient.connect(address);
  const { major, minor } = client.greeting.version;
  const reply = await client.execute('query-qmp-schema');
  await writeFile(schemaFile(`${major}.${minor}`), schemaText(reply));
  console.log(`took the schema of QEMU ${client.versionText}`);
}
