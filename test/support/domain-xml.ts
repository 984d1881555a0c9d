/** A domain's XML as libvirt 9.0 passes it to a hook, shortened to what matters here. */
export function domainXml({
  name = 'guest',
  uuid = '6d53ba52-5c26-4a43-8ae2-3b5f4a8ff8b1',
  metadata = '',
  devices = '',
} = {}): string {
  return `<domain type='qemu' id='1'>
  <name>${name}</name>
  <uuid>${uuid}</uuid>
  <metadata>
    <libosinfo:libosinfo xmlns:libosinfo="http://libosinfo.org/xmlns/libvirt/domain/1.0">
      <libosinfo:os id="http://debian.org/debian/12"/>
    </libosinfo:libosinfo>
    ${metadata}
  </metadata>
  <memory unit='KiB'>65536</memory>
  <devices>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>
    ${devices}
    <memballoon model='virtio'><address type='pci' domain='0x0000' bus='0x00' slot='0x02' function='0x0'/></memballoon>
  </devices>
</domain>
`;
}

export const pciHostDevice = (driver = ''): string =>
  `<hostdev mode='subsystem' type='pci' managed='yes'>${driver}<source><address domain='0x0000' bus='0x3b' slot='0x00' function='0x2'/></source><address type='pci' domain='0x0000' bus='0x05' slot='0x00' function='0x0'/></hostdev>`;

export const mdevHostDevice = `<hostdev mode='subsystem' type='mdev' managed='no' model='vfio-pci'><source><address uuid='C2177883-F1BB-47F0-914D-32A22E3A8804'/></source></hostdev>`;
