/** The console's texts in English: the language that defines which texts exist. */
import { plural } from "./plural.ts";

/** All texts in English. */
export const en = {
  // Frame of every page
  productName: "injixo Cloud Link",
  skipToContent: "Skip to content",
  mainNavigation: "Main navigation",
  breadcrumb: "You are here",
  integrations: "Integrations",
  logIn: "Log in",
  logOut: "Log out",
  loggedInAs: (p: { readonly user: string; readonly account: string }) =>
    `Logged in as ${p.user}, account ${p.account}`,
  cancel: "Cancel",
  errorPrefix: "Error: ",

  // Log in
  loginTitle: "Log in",
  loginLead: "Connect the data of your contact centre.",
  userName: "User name",
  password: "Password",
  loginFailed: "User name and password do not match. Check both and try again.",
  loginTooMany: (p: { readonly wait: string }) => `Too many attempts to log in. Try again in ${p.wait}.`,
  loginMissing: "Enter your user name and your password.",
  loginForgotten: "Forgotten your password? Whoever runs this server can set a new one with",

  // Flash messages
  flashLoggedOut: "You have been logged out.",
  flashSaved: "The integration is saved.",
  flashConnected: "The installation is connected.",
  flashRenamed: "The new name is saved.",
  flashPaused: "The integration is paused. Nothing is imported until you resume it.",
  flashResumed: "The integration is running again. What accumulated during the pause is being imported now.",
  flashDeleted: "The integration is deleted. Its installation shows a new PIN in its log.",
  flashDiscarded: "The draft is discarded.",

  // List of integrations
  addIntegration: "Add a new integration",
  noIntegrationsTitle: "No integrations yet",
  noIntegrationsText:
    "An integration is one source of data, such as a folder of CSV files, connected to one installation.",
  columnInstallation: "Installation",
  lastImport: "Last import",
  unnamedDraft: "New integration (draft)",
  noInstallation: "None",
  more: "More integrations",

  // Types
  typeCsv: "CSV files",
  typeCsvText: "Every new CSV file saved in a folder on your server is imported at once, unchanged.",
  typeDatabase: "Database",

  // States, each with its reason and the next step
  stateDraft: "Draft",
  stateDraftReason: "Not saved yet.",
  stateDraftSaveNext: "Give the integration a name and save it.",
  stateNeverLinked: "Not connected",
  stateNeverLinkedReason: "No installation is connected.",
  stateConnectNext: "Connect an installation: install injixo Cloud Link and enter its PIN.",
  stateUnlinkedReason: "The installation was connected to another integration.",
  stateGivenUpReason:
    "The installation has ended the connection, for example because it accepts only one particular account.",
  stateOnline: "Online",
  stateConnectedReason: "The installation is connected.",
  stateOnlineReason: "The installation is connected and importing.",
  stateWaitingReason: (p: { readonly count: number; readonly number: string }) =>
    plural("en", p.count, { one: `${p.number} import is on its way.`, other: `${p.number} imports are on their way.` }),
  stateLate: "No new data",
  stateLateReason: "The installation is connected, but there has been no new data since",
  stateLateNext: "Run `injixo-cloud-link status` on its computer: it shows what the installation is waiting for.",
  stateStale: "Not reachable",
  stateStaleReason: "Nothing has been heard from the installation since",
  stateStaleNeverReason: "Nothing has been heard from the installation yet.",
  stateStaleNext:
    "Check that its computer is on, the service is running and port 443 is open. `injixo-cloud-link check` finds the cause.",
  statePaused: "Paused",
  statePausedReason: "Nothing is imported.",
  statePausedNext: "Resume the integration to import again.",
  stateFailing: "Failing",
  stateFailingReason: "The installation reports:",
  stateFailingNext: "Solve this on the installation’s computer. Imports then resume automatically; nothing is lost.",
  stateFailingDatabaseNext:
    "Correct this in the integration’s settings (“Database and query”), or solve it on the installation’s computer. Imports then resume automatically; nothing is lost.",
  stateNotLoadedReason: "What the installation sends cannot be imported:",
  stateNotLoadedNext: "Correct the query in the integration’s settings. Everything is then read again.",
  stateHubFailingReason: "This server cannot import what has arrived. It retries automatically; nothing is lost.",
  stateHubFailingNext: "Whoever runs this server can find the cause in its log.",

  // Adding an integration
  addTitle: "Add a new integration",
  addTypeLegend: "Type of integration",
  addTypeMissing: "Choose a type.",
  addContinue: "Continue",
  addStepType: "Type",
  addStepLink: "Connect",
  addStepName: "Name and save",
  addSteps: "Steps",
  stepDone: "done",
  saveHeading: "Name and save",
  saveText: "Imports start when the integration is saved.",
  saveAfterLink: "You can save as soon as an installation is connected.",
  save: "Save",
  discardDraft: "Discard this draft",

  // injixo Cloud Link section
  cloudLinkHeading: "injixo Cloud Link",
  pinLabel: "PIN shown during installation",
  pinHint: "Six digits, valid for 5 minutes.",
  pinWarning: "Only enter a PIN shown by one of your own machines. Never enter one that somebody sent or told you.",
  pinHelpSummary: "Where do I find the PIN?",
  pinHelpInstaller: "On Windows the installer shows it in a console window.",
  pinHelpCommand: "On Linux this command shows it, in the installation folder:",
  pinHelpLog:
    "It is also in the log, injixo-cloud-link.log. If it has expired, restart injixo Cloud Link: the log then shows a new one.",
  /** The script replaces `{machine}` with the host name and the system. */
  pinShownBy: "This PIN is shown by {machine}. If that is your machine, connect it.",
  pinDetails: (p: { readonly version: string; readonly address: string; readonly age: string }) =>
    `Cloud Link ${p.version}, address ${p.address}, PIN created ${p.age} ago.`,
  pinElsewhere: (p: { readonly address: string }) =>
    `It is in a different network from yours (${p.address}): continue only if you know why.`,
  pinLinkedTo: (p: { readonly name: string }) =>
    `It is now connected to the integration “${p.name}”: connecting it here ends that connection.`,
  pinLinkedToOther:
    "It is now connected to an integration of another account: connecting it here ends that connection.",
  connect: "Connect",
  pinMalformed: "A PIN has six digits. Type it as the installation shows it.",
  pinWrong:
    "This PIN is wrong or has expired. Restart injixo Cloud Link, or run its command “pin” (on Linux “sudo ./injixo-cloud-link pin”), and enter the new PIN.",
  pinTooMany: (p: { readonly wait: string }) => `Too many wrong PINs. Try again in ${p.wait}, with a new PIN.`,
  linkedTo: "Connected installation",
  linkedCheck: "Is this your machine? If not, delete the integration or connect another installation at once.",
  hostName: "Host name",
  system: "System",
  address: "Address",
  version: "Version",
  serviceName: "Service",
  linkedSince: "Connected since",
  lastSeen: "Last heard from",
  never: "Never",
  connectNew: "Connect a new installation",
  connectNewText: (p: { readonly hostName: string }) =>
    `The installation on ${p.hostName} is unlinked as soon as the new one is connected. It then shows a new PIN in its log.`,

  // Downloads
  downloadsHeading: "Download",
  downloadsNone:
    "Get the program from whoever runs this server; it cannot be downloaded here. (With `injixo-cloud-link hub --downloads DIR` they can offer it.)",
  downloadWindows: "Download for Windows 64-bit",
  downloadLinux: "Download for Linux 64-bit",
  downloadDetails: (p: { readonly version: string | undefined; readonly size: string }) =>
    p.version === undefined ? p.size : `Version ${p.version}, ${p.size}`,
  downloadChecksum: "SHA-256",
  downloadNextLinux: "Unpack it into a folder of your choice, and run this there:",
  downloadNextWindows: "Double-click it: the installer does the rest, and a console window shows the PIN. " +
    "For another installation on the same computer (up to eight, instance.1 to instance.8), run:",

  // Imports
  importsHeading: "Imports",
  importsEmpty: "Nothing has been imported yet.",
  importsEmptyNext: "Save a CSV file in the import folder of the installation: it appears here within seconds.",
  importsLive: "This page updates automatically.",
  importsRefresh: "Refresh",
  columnFile: "File",
  columnSize: "Size",
  columnRows: "Rows",
  columnReceived: "Received",
  columnChecksum: "SHA-256",
  downloadContent: (p: { readonly file: string }) => `Download ${p.file}`,
  importsOlder: "Older imports",
  importsNewest: "Newest imports",
  /** The script replaces `{number}` with the number. */
  importsNewOne: "{number} new import.",
  importsNewOther: "{number} new imports.",
  connectionLost: "The connection to the server is interrupted. The page updates again when it is back.",

  // Managing an integration
  manageHeading: "Manage",
  nameLabel: "Name",
  nameHint: "For example the place and what is imported: “Berlin, calls”.",
  nameMissing: "Enter a name.",
  nameTooLong: (p: { readonly max: string }) => `The name is too long. Use ${p.max} characters at most.`,
  nameUnprintable: "The name contains characters that cannot be shown, such as a tab. Type it again.",
  rename: "Save name",
  pause: "Pause",
  resume: "Resume",
  pauseText: "A paused integration imports nothing. Its installation stays connected.",
  resumeText: "Resuming also imports what accumulated during the pause.",
  delete: "Delete",
  deleteText: "Deleting cannot be undone.",
  deleteTitle: (p: { readonly name: string }) => `Delete “${p.name}”?`,
  deleteConsequenceImports: "The integration is removed, with everything that it has imported. This cannot be undone.",
  deleteConsequenceLink: (p: { readonly hostName: string }) =>
    `The installation on ${p.hostName} is unlinked. It shows a new PIN in its log and can be connected to another integration.`,
  deleteConsequenceFiles: "Files on your own machines stay where they are.",
  deleteConfirm: "Delete integration",
  conflictTitle: "Changed in the meantime",
  conflict: "The integration was changed in the meantime. Look at its current state and try again.",

  // Error pages
  notFoundTitle: "Page not found",
  notFoundText: "There is nothing at this address. It may have been deleted.",
  forbiddenTitle: "Not allowed",
  forbiddenText: "You are not allowed to see or do this.",
  tooManyTitle: "Too many attempts",
  tooManyText: (p: { readonly wait: string }) =>
    `To protect your account, further attempts are refused. Try again in ${p.wait}.`,
  tooManyAt: "You can try again from:",
  elsewhereTitle: "This came from another website",
  elsewhereText: "Nothing was changed. If it was you, try again on these pages.",
  expiredTitle: "This page was open for too long",
  expiredText: "Nothing was changed. Go back to the page and try again.",
  sessionExpired: "Your session has ended. Log in again to continue where you were.",
  brokenTitle: "Something went wrong",
  brokenText:
    "The server could not answer. Try again in a moment. If this persists, whoever runs this server can find the cause in its log.",
  badRequestTitle: "Request not understood",
  badRequestText: "The browser sent something that the server does not understand. Go back and try again.",
  toIntegrations: "Go to the integrations",

  // What is wrong with the settings of a database integration
  faultChoose: "Choose one.",
  faultHost: "Enter the host name or address of the database server, without spaces.",
  faultPort: "Enter a port from 1 to 65535, or leave the field empty.",
  faultDatabase: "Enter the name of the database.",
  faultUser: "The user name is too long, or contains characters that are not allowed.",
  faultPassword: "The password is too long, or contains line breaks.",
  faultPasswordAgain: "Enter the password again: it was for another server or user.",
  faultConnectionString: "Enter the connection string, in one line: DRIVER={…};SERVER=…;UID=…;PWD=… or DSN=….",
  faultFile: "Enter the path of the SQLite file.",
  faultTimeZone: "Enter the name of a time zone, such as Europe/Berlin.",
  faultQueryEmpty: "Enter the query: one SELECT statement.",
  faultQueryTooLong: "The query is too long. Put it into a view of the database.",
  faultQueryRefused: (p: { readonly reason: string }) => `This query cannot be used. ${p.reason}`,
  faultHistory: "Enter a day in the past, or leave the field empty.",
  faultHistoryTooEarly: "Enter a day within the last three years.",

  // Settings of a database integration
  typeDatabaseText:
    "A query is run on your own database, first for the history and then every few minutes; only its rows are sent.",
  typeOdbc: "ODBC (any other database)",
  typeSqlite: "SQLite file",
  dataInterval: "Contacts per interval",
  dataContact: "Individual contacts",
  dataAgentStatus: "Agent status",
  flashSettings: "The settings are saved.",
  flashTested: "The installation has been asked to test the settings.",
  settingsHeading: "Database and query",
  settingsTitle: (p: { readonly name: string }) => `Database and query of “${p.name}”`,
  settingsChange: "Change",
  settingsTested: "The connected installation tests the settings as soon as they are saved.",
  databaseHeading: "Database",
  databaseTypeLabel: "Database type",
  connectionLabel: "Connection",
  keptLabel: "The connection is kept by the installation",
  keptHint:
    "Host, user and password are then in the section [database] of injixo-cloud-link.toml and never leave your network.",
  keptShown: "Kept by the installation",
  hostLabel: "Host",
  hostHint: "As the installation reaches it. A named instance of SQL Server: host\\instance.",
  portLabel: "Port",
  portHint: "Leave empty for the default port. A named instance has none.",
  databaseLabel: "Database name",
  databaseUserLabel: "User",
  databaseUserHint: "A user with read-only access is enough.",
  databasePasswordLabel: "Password",
  trustLabel: "Trust any certificate of the server",
  trustHint:
    "Whoever gets between the installation and the database can then read and change the data, and take the password: import the certificate of the server’s CA instead where you can.",
  secretHint: "Stored encrypted, and given only to the connected installation.",
  secretKept: "One is stored. Leave the field empty to keep it.",
  secretAgain: "Enter this again: it is not kept while something else is wrong.",
  secretShown: "Connection string (stored encrypted)",
  connectionStringLabel: "Connection string",
  connectionStringHint:
    "DRIVER={…};SERVER=…;UID=…;PWD=…; or DSN=…; – the driver must be installed on the same computer.",
  fileLabel: "File",
  fileHint: "Absolute, or relative to the installation folder. It is opened for reading only.",
  dataHeading: "Data",
  dataTypeLabel: "What the query returns",
  intervalLabel: "Length of an interval",
  timeZoneLabel: "Time zone of the database",
  timeZoneHint: "The time zone of the times that the query returns, such as Europe/Berlin.",
  queryLabel: "Query",
  queryHint: "One SELECT. The installation narrows it to a time window automatically.",
  columnsSummary: (p: { readonly type: string }) => `Columns for “${p.type}”`,
  columnOptional: "optional",
  scheduleHeading: "Schedule",
  everyLabel: "Read new data every",
  historyLabel: "History from",
  historyHint: "The first day to import, at most three years back. Empty: no history.",
  historyNone: "No history",
  reconciliationLabel: "Data reconciliation",
  reconciliationHint: "The last 24 hours are read again each time, so that later corrections are included.",
  realTimeLabel: "Real time",
  realTimeHint: "New status is read every 10 seconds.",
  yes: "Yes",
  no: "No",

  // Test of the settings
  testHeading: "Test on the installation",
  testAgain: "Test again",
  testRunning: "The installation is testing the settings …",
  testLater: "The settings are saved. They are tested as soon as an installation is online.",
  testOk: "It works.",
  testFailed: "It does not work.",
  testAsked: "Tested",
  previewLabel: "The first rows",
  /** `shown` is how many of them are shown, unless all are. */
  previewCaption: (p: { readonly count: number; readonly number: string; readonly shown: string | undefined }) =>
    plural("en", p.count, {
      one: `${p.number} row in the last hour`,
      other: `${p.number} rows in the last hour${p.shown === undefined ? "" : `, the first ${p.shown} of them`}`,
    }),

  // What was imported by queries
  importedHeading: "Imported data",
  importedEmptyNext: "It appears here as soon as the installation has read the first time window.",
  loadingNow: (p: { readonly count: number; readonly number: string }) =>
    plural("en", p.count, {
      one: `${p.number} window has arrived and is being loaded.`,
      other: `${p.number} windows have arrived and are being loaded.`,
    }),
  importedRanges: "Imported",
  importedGaps: "Gaps",
  noGaps: "None",
  rangesMore: (p: { readonly number: string }) => `and ${p.number} earlier ones`,
  historyLeft: "History still to be read",
  downloadCsv: "Download rows as CSV",
  downloadJson: "as JSON",
  refusedHeading: "Rows that cannot be imported",
  refusedText:
    "Correct them in the database or in the query. When the query changes, everything is read again. Corrections in the database are imported if their time range is read again anyway: this is the case for new rows, but not for history that has already been read.",
  refusedRows: (p: { readonly refused: string; readonly rows: string }) => `${p.refused} of ${p.rows} rows`,
  windowsHeading: "Time windows",
  windowsText:
    "Each was read by one query. Its rows are counted at the source, in what was sent, and here: the numbers must agree.",
  windowsOlder: "Older windows",
  columnWindow: "Window",
  columnSource: "At the source",
  columnRefused: "Refused",
  columnBatch: "Sent",
  columnHub: "Here",
  columnState: "State",
  windowAgrees: "Agrees",
  windowDiffers: "Differs",
  windowOvertaken: (p: { readonly number: string }) => `for ${p.number} of them, newer rows were already here`,
  windowCurrent: "Current",
  windowPartlyReplaced: "Partly replaced by other rows",
  windowReplaced: "Replaced by other rows",
  windowFailed: "Not imported",

  // Chart
  chartContacts: "Contacts per day",
  chartActivity: "Status changes per day",
  chartOffered: "Offered",
  chartAnswered: "Answered",
  chartChanges: "Changes",
  chartTable: "As a table",
  chartDay: "Day",
};

type Text<T> = T extends string ? string : T;

/** What every language provides: the same keys, with the same parameters. A missing one is a type error. */
export type Messages = { readonly [Key in keyof typeof en]: Text<(typeof en)[Key]> };
