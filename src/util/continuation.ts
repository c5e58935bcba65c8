/** Calls `callback` when the result is called, later, and in the async context of this moment. */
export function continuation<Value = void>(
  callback: (value: Value) => void,
): (value: Value) => void {
  let resume = callback
  // What continues from a promise keeps the context on every host, without any import.
  void new Promise<Value>((resolve) => (resume = resolve)).then(callback)
  return resume
}
