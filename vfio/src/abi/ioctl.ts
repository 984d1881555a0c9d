/** `_IO(type, nr)` of asm-generic/ioctl.h: VFIO and iommufd encode neither direction nor size. */
export function io(type: string, number: number): number {
  return (type.charCodeAt(0) << 8) | number;
}
