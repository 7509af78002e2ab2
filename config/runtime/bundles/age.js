// What the pages use of age-encryption; prepare.py makes one file of it.
export { Decrypter, Encrypter, generateX25519Identity, identityToRecipient } from "age-encryption";
