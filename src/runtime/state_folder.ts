/** Name of the folder, inside the installation folder, in which the agent keeps its state. */
export const stateFolderName = "state";
