import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { format, resolveConfig } from 'prettier';
import { parseJson, QapiSchema } from 'qemu-qmp-client-ts';
import { repositoryRoot } from '../repository.js';
import { emitTypes } from './emit.js';
import { buildGraph, type VersionedSchema } from './graph.js';

/** A file to write; the path is relative to the repository. */
export interface GeneratedFile {
  readonly path: string;
  readonly text: string;
}

const SCHEMAS = 'scripts/qmp-types/schemas';
const GENERATED = 'qmp/src/generated';

export function schemaFile(version: string): string {
  return join(repositoryRoot(), SCHEMAS, `qemu-${version}.json`);
}

/** One item a line, so that a difference between two versions can be read. */
export function schemaText(reply: unknown): string {
  if (!Array.isArray(reply)) throw new Error('query-qmp-schema returned no list.');
  return `[\n${reply.map((item) => JSON.stringify(item)).join(',\n')}\n]\n`;
}

export async function keptVersions(): Promise<VersionedSchema[]> {
  const names = await readdir(join(repositoryRoot(), SCHEMAS));
  const versions = names.flatMap((name) => /^qemu-(.+)\.json$/.exec(name)?.[1] ?? []);
  versions.sort((a, b) => Number.parseFloat(a) - Number.parseFloat(b));
  return await Promise.all(
    versions.map(async (version) => ({
      version,
      schema: new QapiSchema(parseJson(await readFile(schemaFile(version), 'utf8'))),
    })),
  );
}

/** One file a version, and one of all versions merged. */
export async function generateAll(schemas: readonly VersionedSchema[]): Promise<GeneratedFile[]> {
  return await Promise.all([
    ...schemas.map((schema) =>
      generate([schema], `qemu-${schema.version}`, `Qemu${schema.version.replace('.', '_')}`),
    ),
    generate(schemas, 'qemu', 'Qemu'),
  ]);
}

/** The types of one version, or of several merged, as the file `name`.ts. */
export async function generate(
  schemas: readonly VersionedSchema[],
  name: string,
  typeName: string,
): Promise<GeneratedFile> {
  const path = `${GENERATED}/${name}.ts`;
  const text = emitTypes(buildGraph(schemas), { typeName, sourceFolder: '..' });
  const options = await resolveConfig(join(repositoryRoot(), path));
  return { path, text: await format(text, { ...options, parser: 'typescript' }) };
}
