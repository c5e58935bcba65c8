import { report } from '../../scenario.ts'

export async function createUser(email: string): Promise<void> {
  report('user-created', email)
  if (!email.includes('@')) throw new Error('broken on purpose')
}

export async function sendWelcome(email: string): Promise<void> {
  report('welcome-sent', email)
}
