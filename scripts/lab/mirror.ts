/**
 * Which Debian mirror to build images from. A machine that reaches the archive only through a
 * mirror of its own says so in its apt configuration, so that is where we look.
 */
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/** URIs of the binary package sources in a one-line style file (`deb [options] URI suite ...`). */
export function urisOfOneLine(text: string): string[] {
  const uris: string[] = [];
  for (const line of text.split('\n')) {
    const match = /^\s*deb\s+(?:\[[^\]]*\]\s+)?(\S+)\s/.exec(line);
    if (match?.[1] !== undefined) uris.push(match[1]);
  }
  return uris;
}

/** URIs of the enabled binary package sources in a deb822 style file (see sources.list(5)). */
export function urisOfDeb822(text: string): string[] {
  const uris: string[] = [];
  const lines = text.split('\n').filter((line) => !line.startsWith('#'));
  for (const stanza of lines.join('\n').split(/\n\s*\n/)) {
    const fields = new Map<string, string>();
    // A line that starts with a blank continues the field above it.
    for (const line of stanza.replaceAll(/\n[ \t]+/g, ' ').split('\n')) {
      const colon = line.indexOf(':');
      if (colon > 0) fields.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim());
    }
    const enabled = (fields.get('enabled') ?? 'yes').toLowerCase();
    if (['no', 'false', 'without', 'off', 'disable'].includes(enabled)) continue;
    if (!(fields.get('types') ?? '').split(/\s+/).includes('deb')) continue;
    uris.push(...(fields.get('uris') ?? '').split(/\s+/).filter((uri) => uri !== ''));
  }
  return uris;
}

/** The first URI that serves the Debian archive itself (not security, not another vendor's). */
export function pickDebianMirror(uris: readonly string[]): string | undefined {
  return uris.find(
    (uri) => /^(https?|file|copy|mirror\+file|tor\+https?):/.test(uri) && /\/debian\/?$/.test(uri),
  );
}

/**
 * The mirror to use: `PRECOPY_DEBIAN_MIRROR`, else the machine's apt configuration, else undefined,
 * which leaves it to mmdebstrap's default.
 */
export function debianMirror(
  environment: NodeJS.ProcessEnv = process.env,
  aptFolder = '/etc/apt',
): string | undefined {
  const asked = environment['PRECOPY_DEBIAN_MIRROR'];
  if (asked) return asked;
  const parts = join(aptFolder, 'sources.list.d');
  const files = [
    join(aptFolder, 'sources.list'),
    ...(existsSync(parts)
      ? readdirSync(parts)
          .sort()
          .map((name) => join(parts, name))
      : []),
  ];
  const uris = files.flatMap((file) => {
    let text: string;
    try {
      text = readFileSync(file, 'utf8');
    } catch {
      return []; // Absent, or a file that only root may read: not a source for this user.
    }
    if (file.endsWith('.list')) return urisOfOneLine(text);
    return file.endsWith('.sources') ? urisOfDeb822(text) : [];
  });
  return pickDebianMirror(uris);
}
