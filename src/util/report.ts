/** Hands `error` to `onError`, whose own failure must harm nobody: it is printed beside the error. */
export function report(error: Error, onError?: (error: never) => unknown): void {
  const onFailure = (failure: unknown): void => print(error, failure)
  if (onError === undefined) {
    print(error)
    return
  }
  try {
    // An async function fits the type of `onError` too, and its rejection would end the process.
    Promise.resolve(Reflect.apply(onError, undefined, [error])).catch(onFailure)
  } catch (failure) {
    onFailure(failure)
  }
}

function print(error: Error, ...rest: unknown[]): void {
  try {
    console.error(error, ...rest)
  } catch {
    // What was thrown can not be shown, not even by itself.
    try {
      console.error(error.message)
    } catch {
      // Nor can anything: there is nobody left to tell.
    }
  }
}

/** Keeps a rejection that nobody waits for from ending the process. */
export function handled<Value>(promise: Promise<Value>): Promise<Value> {
  promise.catch(() => {})
  return promise
}
