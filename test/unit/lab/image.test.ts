import assert from 'node:assert/strict';
import { labCacheFolder } from '#scripts/lab/paths.js';
import { recipeHash, recipeOf, suites } from '#scripts/lab/suites.js';
import { cpioArchive } from '#scripts/lab/cpio.js';
import { loadOrder, moduleName, parseModulesDep } from '#scripts/lab/initramfs.js';
import { parseLdd } from '#scripts/lab/host-node.js';

describe("an image's recipe", () => {
  it('has a hash of its own for each suite, the same each time', () => {
    const hashes = suites.map((suite) => recipeHash(recipeOf(suite)));
    assert.equal(new Set(hashes).size, suites.length);
    assert.deepEqual(
      suites.map((suite) => recipeHash(recipeOf(suite))),
      hashes,
    );
  });

  it('changes its hash with whatever changes the image', () => {
    const recipe = recipeOf('trixie');
    for (const changed of [
      { ...recipe, revision: recipe.revision + 1 },
      { ...recipe, runPackages: [...recipe.runPackages, 'vim'] },
      { ...recipe, devPackages: recipe.devPackages.slice(1) },
    ]) {
      assert.notEqual(recipeHash(changed), recipeHash(recipe));
    }
  });
});

describe("the lab's cache folder", () => {
  const cases: [NodeJS.ProcessEnv, string][] = [
    [{ PRECOPY_CACHE: '/a', XDG_CACHE_HOME: '/b', HOME: '/c' }, '/a/lab'],
    [{ XDG_CACHE_HOME: '/b', HOME: '/c' }, '/b/precopy/lab'],
    [{ HOME: '/c' }, '/c/.cache/precopy/lab'],
    [{ XDG_CACHE_HOME: '', HOME: '/c' }, '/c/.cache/precopy/lab'],
  ];
  for (const [environment, expected] of cases) {
    it(`is ${expected} with ${JSON.stringify(environment)}`, () => {
      assert.equal(labCacheFolder(environment), expected);
    });
  }
});

describe('the modules of the initramfs', () => {
  const dependencies = parseModulesDep(
    [
      'kernel/net/9p/9pnet.ko.xz:',
      'kernel/net/9p/9pnet_virtio.ko.xz: kernel/net/9p/9pnet.ko.xz',
      'kernel/fs/9p/9p.ko.xz: kernel/fs/netfs/netfs.ko.xz kernel/net/9p/9pnet.ko.xz',
      'kernel/fs/netfs/netfs.ko.xz:',
      '',
    ].join('\n'),
  );

  it('come in an order in which each finds what it needs, once', () => {
    assert.deepEqual(loadOrder(['9pnet_virtio', '9p'], dependencies, new Set()), [
      'kernel/net/9p/9pnet.ko.xz',
      'kernel/net/9p/9pnet_virtio.ko.xz',
      'kernel/fs/netfs/netfs.ko.xz',
      'kernel/fs/9p/9p.ko.xz',
    ]);
  });

  it('leave out what is built into the kernel', () => {
    assert.deepEqual(loadOrder(['virtio_pci'], dependencies, new Set(['virtio_pci'])), []);
  });

  it('are refused when the kernel has no such module', () => {
    assert.throws(() => loadOrder(['overlay'], dependencies, new Set()), {
      code: 'LAB_IMAGE',
      message: /overlay/,
    });
  });

  it('go by the name that the kernel gives them', () => {
    assert.equal(moduleName('kernel/drivers/vfio/pci/vfio-pci.ko.xz'), 'vfio_pci');
    assert.equal(moduleName('overlay.ko'), 'overlay');
  });
});

describe('a cpio archive', () => {
  const archive = cpioArchive([
    { path: 'bin', kind: 'folder' },
    { path: 'bin/a', kind: 'file', data: Buffer.from('hello'), executable: true },
    { path: 'b', kind: 'link', target: 'bin/a' },
  ]);

  /** Reads newc as the kernel's init/initramfs.c does. */
  function entries(): { path: string; mode: number; data: string }[] {
    const found = [];
    for (let offset = 0; offset < archive.length;) {
      const field = (n: number): number =>
        parseInt(archive.toString('latin1', offset + 6 + n * 8, offset + 14 + n * 8), 16);
      assert.equal(archive.toString('latin1', offset, offset + 6), '070701');
      const [mode, size, nameSize] = [field(1), field(6), field(11)];
      const path = archive.toString('utf8', offset + 110, offset + 110 + nameSize - 1);
      const data = Math.ceil((offset + 110 + nameSize) / 4) * 4;
      found.push({ path, mode, data: archive.toString('utf8', data, data + size) });
      offset = Math.ceil((data + size) / 4) * 4;
    }
    return found;
  }

  it('holds folders, files and links with their modes, and ends as the format says', () => {
    assert.deepEqual(entries(), [
      { path: 'bin', mode: 0o040755, data: '' },
      { path: 'bin/a', mode: 0o100755, data: 'hello' },
      { path: 'b', mode: 0o120777, data: 'bin/a' },
      { path: 'TRAILER!!!', mode: 0, data: '' },
    ]);
  });

  it('is padded, so that another one can follow', () => {
    assert.equal(archive.length % 4, 0);
  });
});

describe("the host's Node", () => {
  it('needs the libraries that ldd names', () => {
    const text = [
      '\tlinux-vdso.so.1 (0x00007ffd)',
      '\tlibnode.so.115 => /lib/x86_64-linux-gnu/libnode.so.115 (0x00007f01)',
      '\tlibmissing.so.1 => not found',
      '\t/lib64/ld-linux-x86-64.so.2 (0x00007f02)',
    ].join('\n');
    assert.deepEqual(parseLdd(text), ['/lib/x86_64-linux-gnu/libnode.so.115']);
  });
});
