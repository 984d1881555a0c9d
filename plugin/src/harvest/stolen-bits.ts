/** What to do with a migration from which a harvest may have taken dirty bits. */
export const stolenBitsActions = ['cancel', 'report'] as const;
export type StolenBitsAction = (typeof stolenBitsActions)[number];
