/** The `waitUntil` that needs no argument of the handler. Workers have one: see the file beside this. */
export const platformWaitUntil: ((promise: Promise<unknown>) => void) | undefined = undefined
