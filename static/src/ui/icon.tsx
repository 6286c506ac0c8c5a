// Icons of lucide by name. Only what is listed here is bundled.

import {
  Activity,
  ArrowDown,
  ArrowLeft,
  ArrowUp,
  AtSign,
  Ban,
  Bell,
  Check,
  ChevronDown,
  ChevronRight,
  CircleAlert,
  CircleCheck,
  Code,
  Copy,
  Download,
  Ellipsis,
  File,
  FilePlus,
  FileText,
  Folder,
  FolderPlus,
  GitBranch,
  GitCommitHorizontal,
  GripVertical,
  History,
  type IconNode,
  Image,
  Info,
  Link,
  List,
  LogOut,
  MessageSquare,
  MessageSquarePlus,
  Moon,
  PanelBottom,
  PanelLeft,
  PanelRight,
  Pause,
  Pencil,
  Play,
  Plus,
  Redo2,
  RefreshCw,
  RotateCcw,
  Search,
  Send,
  Sparkles,
  Square,
  Sun,
  TextCursor,
  Trash2,
  TriangleAlert,
  Undo2,
  Upload,
  Users,
  Wrench,
  X,
} from 'lucide'
import { h } from 'preact'

const icons = {
  activity: Activity,
  'undo-2': Undo2,
  'redo-2': Redo2,
  'arrow-down': ArrowDown,
  'arrow-left': ArrowLeft,
  'arrow-up': ArrowUp,
  'at-sign': AtSign,
  ban: Ban,
  bell: Bell,
  check: Check,
  'chevron-down': ChevronDown,
  'chevron-right': ChevronRight,
  'circle-alert': CircleAlert,
  'circle-check': CircleCheck,
  code: Code,
  copy: Copy,
  download: Download,
  ellipsis: Ellipsis,
  file: File,
  'file-plus': FilePlus,
  'file-text': FileText,
  folder: Folder,
  'folder-plus': FolderPlus,
  'git-branch': GitBranch,
  'git-commit': GitCommitHorizontal,
  'grip-vertical': GripVertical,
  history: History,
  image: Image,
  info: Info,
  link: Link,
  list: List,
  'log-out': LogOut,
  'message-square': MessageSquare,
  'message-square-plus': MessageSquarePlus,
  moon: Moon,
  'panel-bottom': PanelBottom,
  'panel-left': PanelLeft,
  'panel-right': PanelRight,
  pause: Pause,
  pencil: Pencil,
  play: Play,
  plus: Plus,
  'refresh-cw': RefreshCw,
  'rotate-ccw': RotateCcw,
  search: Search,
  send: Send,
  sparkles: Sparkles,
  square: Square,
  sun: Sun,
  'text-cursor': TextCursor,
  'trash-2': Trash2,
  'triangle-alert': TriangleAlert,
  upload: Upload,
  users: Users,
  wrench: Wrench,
  x: X,
} satisfies Record<string, IconNode>

export type IconName = keyof typeof icons

// Decoration only: the control around it has the name.
export function Icon({ name, size = 16 }: { name: IconName; size?: number }) {
  return (
    <svg
      width={size}
      height={size}
      viewBox="0 0 24 24"
      fill="none"
      stroke="currentColor"
      stroke-width="1.75"
      stroke-linecap="round"
      stroke-linejoin="round"
      aria-hidden="true"
    >
      {icons[name].map(([tag, attributes]) => h(tag, attributes))}
    </svg>
  )
}
