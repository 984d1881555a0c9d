/** How often a guest is harvested, and what that may cost, where nobody says otherwise. */
export const usualIntervalMs = 100;
/** Of one core, and of the guest's running time. */
export const usualOverheadPercent = 2;
