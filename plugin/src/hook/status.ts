/**
 * The exit status of main.js that means a configured refusal. The installed script turns it into 1, and
 * every other one, of a Node that crashed for one, into 0.
 */
export const refusedStatus = 77;
