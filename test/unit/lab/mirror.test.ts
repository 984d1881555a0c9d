import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  debianMirror,
  pickDebianMirror,
  urisOfDeb822,
  urisOfOneLine,
} from '#scripts/lab/mirror.js';

describe("finding the machine's Debian mirror", () => {
  const oneLine: [string, string, string[]][] = [
    ['a plain line', 'deb http://a.example/debian trixie main', ['http://a.example/debian']],
    [
      'options in brackets',
      'deb [arch=amd64 signed-by=/usr/share/keyrings/x.gpg] https://a.example/debian/ sid main',
      ['https://a.example/debian/'],
    ],
    ['source packages', 'deb-src http://a.example/debian trixie main', []],
    ['a comment', '# deb http://a.example/debian trixie main', []],
    [
      'several lines',
      'deb http://a.example/one x y\n\n  deb\thttp://a.example/two x y\n',
      ['http://a.example/one', 'http://a.example/two'],
    ],
  ];
  for (const [name, text, expected] of oneLine) {
    it(`reads one-line sources: ${name}`, () => {
      assert.deepEqual(urisOfOneLine(text), expected);
    });
  }

  const deb822: [string, string, string[]][] = [
    [
      'a stanza with a comment in it',
      'Types: deb\n# a snapshot\nURIs: http://a.example/debian\nSuites: trixie\n',
      ['http://a.example/debian'],
    ],
    [
      'two stanzas, two types, two URIs',
      'Types: deb deb-src\nURIs: http://a.example/x http://b.example/y\n\nTypes: deb\nuris: http://c.example/z\n',
      ['http://a.example/x', 'http://b.example/y', 'http://c.example/z'],
    ],
    [
      'a folded field',
      'Types: deb\nURIs:\n http://a.example/x\n http://b.example/y\nSuites: s\n',
      ['http://a.example/x', 'http://b.example/y'],
    ],
    ['a disabled stanza', 'Enabled: no\nTypes: deb\nURIs: http://a.example/debian\n', []],
    ['source packages only', 'Types: deb-src\nURIs: http://a.example/debian\n', []],
  ];
  for (const [name, text, expected] of deb822) {
    it(`reads deb822 sources: ${name}`, () => {
      assert.deepEqual(urisOfDeb822(text), expected);
    });
  }

  it("takes the archive itself, not security updates, another vendor's or a CD", () => {
    assert.equal(
      pickDebianMirror([
        'cdrom:[Debian]/debian',
        'http://a.example/debian-security',
        'https://other.example/node_20.x',
        'http://a.example/ubuntu',
        'http://a.example/debian/',
      ]),
      'http://a.example/debian/',
    );
  });

  it('leaves it to mmdebstrap where there is none', () => {
    assert.equal(pickDebianMirror(['http://a.example/ubuntu']), undefined);
  });

  describe('in an apt folder', () => {
    let folder = '';
    beforeEach(() => {
      folder = mkdtempSync(join(tmpdir(), 'precopy-mirror-'));
      mkdirSync(join(folder, 'sources.list.d'));
      writeFileSync(
        join(folder, 'sources.list.d/debian.sources'),
        'Types: deb\nURIs: http://b.example/debian\n',
      );
    });
    afterEach(() => {
      rmSync(folder, { recursive: true });
    });

    it('reads both kinds of file, sources.list first', () => {
      assert.equal(debianMirror({}, folder), 'http://b.example/debian');
      writeFileSync(join(folder, 'sources.list'), 'deb http://a.example/debian trixie main\n');
      assert.equal(debianMirror({}, folder), 'http://a.example/debian');
    });

    it('ignores files that apt ignores', () => {
      writeFileSync(
        join(folder, 'sources.list.d/a.list.save'),
        'deb http://a.example/debian x y\n',
      );
      assert.equal(debianMirror({}, folder), 'http://b.example/debian');
    });

    it('is overruled by PRECOPY_DEBIAN_MIRROR', () => {
      const environment = { PRECOPY_DEBIAN_MIRROR: 'http://c.example/mine' };
      assert.equal(debianMirror(environment, folder), 'http://c.example/mine');
    });
  });
});
