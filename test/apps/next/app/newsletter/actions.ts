'use server'

import { withBackgroundTasks } from 'background-tasks/next'
import { redirect } from 'next/navigation'

async function writeNotification(email: string, { message }: { message: string }): Promise<void> {
  console.log(`notification for ${email}: ${message}`)
}

export const subscribe = withBackgroundTasks(async (tasks, formData: FormData) => {
  const email = String(formData.get('email'))
  tasks.addTask(writeNotification, email, { message: 'welcome' })
  redirect('/elsewhere')
})
