import org.eclipse.edc.runtime.metamodel.annotation.Inject;
import org.eclipse.edc.spi.security.Vault;
import org.eclipse.edc.spi.system.ServiceExtension;
import org.eclipse.edc.spi.system.ServiceExtensionContext;

/** The secret for its token service goes into the vault, which is empty at each start. */
public final class VaultExtension implements ServiceExtension {
    @Inject private Vault vault;

    @Override
    public void initialize(ServiceExtensionContext context) {
        vault.storeSecret("token-secret", context.getConfig().getString("test.token.secret"));
    }
}
