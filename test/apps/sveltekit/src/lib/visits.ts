import { backgroundTasks } from 'background-tasks/context'

async function writeNotification(email: string, message: string): Promise<void> {
  console.log(`notification for ${email}: ${message}`)
}

export function noteVisit(email: string): void {
  backgroundTasks().addTask(writeNotification, email, 'some notification')
}
