/** Shared by all that has nothing yet: each response on its way has several such arrays. */
export const none: never[] = []

/** Adds a value. The first one makes an array for one: that of a `push` has room for 17. */
export function added<Value>(values: Value[], value: Value): Value[] {
  if (values === none) return [value]
  values.push(value)
  return values
}
