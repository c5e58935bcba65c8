import { report } from './events'

export async function writeNotification(
  email: string,
  options: { message: string },
): Promise<void> {
  report('notification', email, options)
}
