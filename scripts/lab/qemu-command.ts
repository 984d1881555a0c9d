/** The command line of the QEMU on L0 that runs L1, as a pure function of what L1 shall be. */

export interface Share {
  /** Folder of the host. */
  readonly source: string;
  /** Where L1 mounts it. */
  readonly target: string;
  readonly writable: boolean;
}

/** A TCP port of the host's loopback address that leads to a port of L1. */
export interface Forward {
  readonly hostPort: number;
  readonly port: number;
}

export interface Machine {
  readonly accelerator: 'tcg' | 'kvm';
  readonly kernel: string;
  readonly initrd: string;
  /** Folder that becomes L1's root, read-only. */
  readonly root: string;
  readonly memoryMiB: number;
  readonly cpus: number;
  readonly shares: readonly Share[];
  readonly forwards: readonly Forward[];
  /** Where the kernel's console goes. */
  readonly consoleLog: string;
  /** Numbers of connected sockets that QEMU inherits. */
  readonly ports: {
    readonly control: number;
    readonly stdout: number;
    readonly stderr: number;
    readonly terminal?: number | undefined;
  };
}

/** L1's address in QEMU's user network. */
export const guestAddress = '10.0.2.15';

/** The 9p tag of the n-th share. */
export function shareTag(index: number): string {
  return `share${index}`;
}

/** How many IOMMU-backed PCI devices L1 has to bind to vfio-pci. */
const pciDevices = 2;

export function qemuArguments(machine: Machine): string[] {
  const { accelerator, ports } = machine;
  return [
    ...['-name', 'precopy-lab', '-nodefaults', '-no-user-config', '-display', 'none', '-no-reboot'],
    // The split irqchip is what interrupt remapping of the emulated IOMMU needs.
    ...['-machine', 'q35,kernel-irqchip=split'],
    ...['-accel', accelerator === 'tcg' ? 'tcg,thread=multi' : 'kvm'],
    // TCG runs `rep movsb` byte by byte; without these two flags the kernel copies by words, and
    // VFIO's GET_BITMAP is 6 to 8 times faster.
    ...['-cpu', accelerator === 'tcg' ? 'max,-erms,-fsrm' : 'host'],
    ...['-smp', String(machine.cpus), '-m', `${machine.memoryMiB}M`],
    ...['-device', 'intel-iommu,intremap=on,caching-mode=on'],
    ...['-kernel', machine.kernel, '-initrd', machine.initrd],
    ...['-append', kernelArguments()],
    ...['-chardev', `file,id=console,path=${escaped(machine.consoleLog)}`],
    ...['-serial', 'chardev:console'],
    ...['-device', 'virtio-serial-pci,id=ports'],
    ...port('control', ports.control, 1),
    ...port('stdout', ports.stdout, 2),
    ...port('stderr', ports.stderr, 3),
    ...(ports.terminal === undefined ? [] : port('terminal', ports.terminal, 4)),
    ...share(machine.root, 'root', false),
    ...machine.shares.flatMap(({ source, writable }, index) =>
      share(source, shareTag(index), writable),
    ),
    ...pciTestDevices(),
    ...network(machine.forwards),
  ];
}

function kernelArguments(): string {
  return [
    'console=ttyS0',
    'intel_iommu=on',
    'iommu=pt',
    'panic=-1',
    'mitigations=off',
    'nokaslr',
    // On a busy host the emulated timer may miss the few ticks in which the kernel checks that it works,
    // and the kernel panics.
    'no_timer_check',
    // TCG's TSC is one counter for all vCPUs; a disturbed check would fall back to the slow HPET.
    'tsc=reliable',
    'audit=0',
    // TCG is slow enough for both watchdogs to bark at healthy code.
    'nowatchdog',
    'rcupdate.rcu_expedited=1',
    'rcupdate.rcu_cpu_stall_suppress=1',
  ].join(' ');
}

/** QEMU's option parser takes a doubled comma for a comma. */
function escaped(text: string): string {
  return text.replaceAll(',', ',,');
}

function port(name: string, fd: number, nr: number): string[] {
  const model = name === 'terminal' ? 'virtconsole' : 'virtserialport';
  return [
    ...['-chardev', `socket,id=${name},fd=${fd}`],
    ...['-device', `${model},bus=ports.0,nr=${nr},chardev=${name},name=${name}`],
  ];
}

function share(source: string, tag: string, writable: boolean): string[] {
  const path = escaped(source);
  // multidevs=remap: a clone may have other file systems mounted in it.
  const mode = writable ? '' : ',readonly=on';
  return [
    ...['-fsdev', `local,id=${tag},path=${path},security_model=none,multidevs=remap${mode}`],
    ...['-device', `virtio-9p-pci,fsdev=${tag},mount_tag=${tag}`],
  ];
}

/**
 * Devices for tests with real, IOMMU-backed VFIO in L1: QEMU's `edu` does DMA. Each sits below a
 * root port of its own, which puts it into an IOMMU group of its own.
 */
function pciTestDevices(): string[] {
  return Array.from({ length: pciDevices }, (_, index) => [
    ...['-device', `pcie-root-port,id=root${index},chassis=${index + 1},slot=${index + 1}`],
    ...['-device', `edu,id=edu${index},bus=root${index}`],
  ]).flat();
}

function network(forwards: readonly Forward[]): string[] {
  if (forwards.length === 0) return [];
  const rules = forwards.map(
    ({ hostPort, port }) => `,hostfwd=tcp:127.0.0.1:${hostPort}-${guestAddress}:${port}`,
  );
  return [
    // restrict: nothing leaves L1; only the forwarded ports come in.
    ...['-netdev', `user,id=net0,restrict=on${rules.join('')}`],
    ...['-device', 'virtio-net-pci,netdev=net0,romfile='],
  ];
}
